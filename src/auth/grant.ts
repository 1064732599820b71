import { createHash } from 'node:crypto'

export type Scope = 'read' | 'write'

/** What a caller may do. */
export interface Grant {
  scope: Scope
  /** `null`: all of them. */
  containers: ReadonlySet<string> | null
  /** Tells callers apart, for limits; says nothing of the token. */
  key: string
  /** Epoch milliseconds; `null`: never. */
  expiresAt: number | null
}

export const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Without authentication everybody may do everything, and is told apart by address. */
export const anonymous = (address: string): Grant => ({
  scope: 'write',
  containers: null,
  key: `address:${address}`,
  expiresAt: null,
})

export const mayWrite = ({ scope }: Grant) => scope === 'write'
export const mayUse = ({ containers }: Grant, containerId: string) =>
  containers === null || containers.has(containerId)

/** The longest that a timer can be. */
const maxTimerMs = 2 ** 31 - 1

/** A stream lives no longer than the token that opened it; the answer takes the timer away. */
export function endAtExpiry({ expiresAt }: Grant, end: () => void): () => void {
  if (expiresAt === null) return () => {}
  const timer = setTimeout(end, Math.min(Math.max(0, expiresAt - Date.now()), maxTimerMs))
  return () => clearTimeout(timer)
}
