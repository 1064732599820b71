import type { RawData, WebSocket } from 'ws'
import type { Authenticator } from '../../auth/authenticator.ts'
import type { Grant } from '../../auth/grant.ts'
import { errorCodes, isServiceError } from '../../errors.ts'
import { parseFrame } from './frames.ts'

/** How long a client may take to say who it is. */
const authMs = 10_000
/** Frames that come while the token is being checked. */
const earlyBytes = 64 * 1024
/** A client without the header says who it is in its first frame, `{"op":"auth","token":".."}`, or is closed with 4401. */
export function admit(
  socket: WebSocket,
  authenticator: Pick<Authenticator, 'authenticate'>,
  onGrant: (grant: Grant) => void,
  ms = authMs,
) {
  const early: RawData[] = []
  let waitingBytes = 0
  let hasAsked = false

  function refuse(code: 'unauthenticated' | 'issuer_unavailable' | 'insufficient_scope', closeCode: number) {
    clearTimeout(timer)
    socket.off('message', receive)
    const message = errorCodes[code].title
    socket.send(JSON.stringify({ op: 'error', code, message }))
    socket.close(closeCode, message)
  }

  function receive(data: RawData) {
    if (hasAsked) {
      waitingBytes += (data as Buffer).length
      if (waitingBytes > earlyBytes) return refuse('unauthenticated', 4401)
      early.push(data)
      return
    }
    hasAsked = true
    const token = tokenIn((data as Buffer).toString())
    if (token === undefined) return refuse('unauthenticated', 4401)
    authenticator.authenticate(token).then(enter, (error: unknown) => {
      const code = isServiceError(error) ? error.code : undefined
      if (code === 'insufficient_scope' || code === 'unauthenticated') refuse(code, 4401)
      else refuse('issuer_unavailable', 1013)
    })
  }

  function enter(grant: Grant) {
    clearTimeout(timer)
    socket.off('message', receive)
    if (socket.readyState !== socket.OPEN) return
    socket.send(JSON.stringify({ op: 'authenticated' }))
    onGrant(grant)
    for (const data of early) socket.emit('message', data, false)
  }

  const timer = setTimeout(() => refuse('unauthenticated', 4401), ms)
  socket.on('close', () => clearTimeout(timer))
  // A broken connection is followed by its close.
  socket.on('error', () => {})
  socket.on('message', receive)
}

function tokenIn(data: string): string | undefined {
  const parsed = parseFrame(data)
  return 'frame' in parsed && parsed.frame.op === 'auth' ? parsed.frame.token : undefined
}
