import type { Mask } from './secrets.ts'

/** Readers for values that an agent sent: each gives its type, or a neutral value. */
export const text = (value: unknown): string => (typeof value === 'string' ? value : '')

export const number = (value: unknown): number | null => (typeof value === 'number' ? value : null)

export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

export const object = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined

const contentLimit = 64 * 1024

/** At most `limit` bytes of UTF-8, and a sentence that says what is missing. */
export function bounded(value: string, limit = contentLimit): string {
  const bytes = Buffer.byteLength(value)
  if (bytes <= limit) return value
  const kept = new TextDecoder().decode(Buffer.from(value).subarray(0, limit)).replace(/\ufffd$/, '')
  return `${kept}\n[truncated: ${bytes} bytes in all]`
}

/** Identifiers and names, which are no place for a text. */
export const label = (value: unknown): string => text(value).slice(0, 256).toWellFormed()

/** What steers a terminal: escape sequences whole, then every control character but tab and line ends. */
const sequences =
  // oxlint-disable-next-line no-control-regex -- control characters are what has to go
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)/g
// oxlint-disable-next-line no-control-regex -- control characters are what has to go
const controls = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g

export const clean = (value: string): string =>
  value.replace(sequences, '').replace(controls, '').toWellFormed()

/** Deeper than any tool's input, and far from what recursion can take. */
const maxDepth = 64

/** A parsed line without control characters and secrets, and of a depth that everybody can handle. */
export function harmless(value: unknown, mask: Mask, depth = 0): unknown {
  if (typeof value === 'string') return mask(clean(value))
  if (typeof value !== 'object' || value === null) return value
  if (depth >= maxDepth) return '[too deep]'
  if (Array.isArray(value)) return value.map((item) => harmless(item, mask, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [mask(clean(key)), harmless(item, mask, depth + 1)]),
  )
}
