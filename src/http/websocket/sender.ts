import type { WebSocket } from 'ws'
import type { Backlog } from '../backlog.ts'

const encoded = new WeakMap<object, { bytes: Buffer; waiting: number }>()

/** Sends a frame; one that goes to many clients is encoded once, and its bytes are in memory once. */
export function sendFrame(socket: WebSocket, frame: object, backlog: Backlog) {
  const known = encoded.get(frame)
  const shared = known ?? { bytes: Buffer.from(JSON.stringify(frame)), waiting: 0 }
  if (known === undefined) encoded.set(frame, shared)
  if (shared.waiting === 0) backlog.hold(shared.bytes.length)
  shared.waiting += 1
  // Called when the kernel has it, and also when the socket ends before.
  socket.send(shared.bytes, { binary: false }, () => {
    shared.waiting -= 1
    if (shared.waiting === 0) backlog.hold(-shared.bytes.length)
  })
}
