import { serviceError } from '../errors.ts'

export interface Page<Item> {
  items: Item[]
  nextCursor: string | null
}

/** Cuts what was read with one row more than asked for: that row says whether there is a next page. */
export function toPage<Row, Item>(
  rows: Row[],
  limit: number,
  keyOf: (row: Row) => string | number,
  toItem: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const hasMore = rows.length > limit && last !== undefined
  return { items: shown.map(toItem), nextCursor: hasMore ? encode(String(keyOf(last))) : null }
}

const encode = (key: string) => Buffer.from(`after:${key}`).toString('base64url')

export function decodeCursor(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString()
  if (!text.startsWith('after:')) throw notACursor()
  return text.slice('after:'.length)
}

export function decodeNumberCursor(cursor: string): number {
  const key = decodeCursor(cursor)
  if (!/^\d{1,15}$/.test(key)) throw notACursor()
  return Number(key)
}

const notACursor = () =>
  serviceError('validation_failed', 'cursor is not the nextCursor of an earlier answer')
