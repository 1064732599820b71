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
