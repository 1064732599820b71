export interface Ending {
  code: number
  reason: string
}

const openMs = 10_000

/**
 * Runs one WebSocket to its end and tells how it ended. The platform's own WebSocket, in Node and in browsers: it can
 * set no header, so the token is the first frame, and all else comes after its answer.
 */
export function runSocket(options: {
  url: string
  token: string | undefined
  heartbeatMs: number
  signal: AbortSignal
  /** It may ask for events now. */
  onOpen(send: (frame: object) => void): void
  /** `false` ends the socket: this side has no room, or no use for it any more. */
  onFrame(frame: Record<string, unknown>, bytes: number): boolean
}): Promise<Ending> {
  const { url, token, heartbeatMs, signal, onOpen, onFrame } = options
  return new Promise((resolve) => {
    const socket = new WebSocket(socketUrl(url))
    let hasEnded = false
    let heardAt = Date.now()
    const opening = setTimeout(() => end({ code: 1006, reason: 'not open in time' }), openMs)
    const heartbeat = setInterval(beat, heartbeatMs)
    const abort = () => end({ code: 1000, reason: 'aborted' })
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })

    const send = (frame: object) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame))
    }
    socket.addEventListener('open', () => {
      clearTimeout(opening)
      if (token === undefined) onOpen(send)
      else send({ op: 'auth', token })
    })
    socket.addEventListener('message', ({ data }) => {
      if (hasEnded) return
      heardAt = Date.now()
      const text = String(data)
      const frame = JSON.parse(text) as Record<string, unknown>
      if (frame.op === 'authenticated') onOpen(send)
      else if (!onFrame(frame, text.length)) end({ code: 1000, reason: 'no more wanted' })
    })
    socket.addEventListener('close', ({ code, reason }) => end({ code, reason }))
    // A close without a reason follows it.
    socket.addEventListener('error', () => end({ code: 1006, reason: 'connection failed' }))

    function beat() {
      if (Date.now() - heardAt > 2 * heartbeatMs) end({ code: 1006, reason: 'silent' })
      else send({ op: 'ping' })
    }

    /** What still comes on this socket is asked for again by the next one. */
    function end(ending: Ending) {
      if (hasEnded) return
      hasEnded = true
      clearTimeout(opening)
      clearInterval(heartbeat)
      signal.removeEventListener('abort', abort)
      socket.close()
      resolve(ending)
    }
  })
}

const socketUrl = (url: string) => `${url.replace(/^http/, 'ws').replace(/\/$/, '')}/claude-daemon`
