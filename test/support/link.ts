import { once } from 'node:events'
import { type Socket, connect, createServer } from 'node:net'
import type { TestContext } from 'node:test'

/**
 * A way to a server that can be interrupted as a network is: nothing arrives while it is cut and no connection ends;
 * what was sent meanwhile arrives, late, when it is healed.
 */
export async function startLink(t: TestContext, port: number) {
  const sockets = new Set<Socket>()
  let isCut = false

  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('data', (chunk) => void (other.destroyed || other.write(chunk)))
      one.on('error', () => {})
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      if (isCut) one.pause()
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })

  return {
    url: `redis://127.0.0.1:${address.port}`,
    cut() {
      isCut = true
      for (const socket of sockets) socket.pause()
    },
    heal() {
      isCut = false
      for (const socket of sockets) socket.resume()
    },
    /** Ends every connection; new ones are made at once. */
    reset() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

export type TestLink = Awaited<ReturnType<typeof startLink>>
