import type { JournalEvent } from '../journal/event.ts'

/** An entry's data may come from another version of Baton: what has another shape than known reads as `null`. */
export const text = (value: unknown) => (typeof value === 'string' ? value : null)
export const number = (value: unknown) => (typeof value === 'number' ? value : null)
export const object = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null

export function oneOf<Value extends string>(values: readonly Value[], value: unknown): Value | null {
  return values.find((known) => known === value) ?? null
}

/** Code and message of an `error` field. */
export function errorField(event: JournalEvent) {
  const error = object(event.data['error'])
  return { code: text(error?.['code']) ?? 'unknown', message: text(error?.['message']) ?? '' }
}
