import { once } from 'node:events'
import { Agent, type IncomingMessage, type ServerResponse, createServer, request as send } from 'node:http'
import { type Socket, connect } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TestContext } from 'node:test'

const pollMs = 200
const pollTimeoutMs = 1000
/** They speak of one connection, not of the message. */
const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding'])

interface Backend {
  url: URL
  agent: Agent
  isReady: boolean
  poll: NodeJS.Timeout
}

/**
 * What stands before the pods: one address, each request to the next pod whose `/readyz` said yes. It never tries a
 * request twice, so what a pod does not answer is a failure that the client sees.
 */
export async function startProxy(t: TestContext) {
  const backends: Backend[] = []
  const open = new Set<Duplex>()
  let turn = 0

  async function poll(backend: Backend) {
    const answer = await fetch(new URL('/readyz', backend.url), {
      signal: AbortSignal.timeout(pollTimeoutMs),
    })
      .then(async (response) => [response.ok, await response.text()])
      .catch(() => [false])
    backend.isReady = answer[0] === true
    if (backends.includes(backend)) backend.poll = setTimeout(() => void poll(backend), pollMs).unref()
  }

  function next(): Backend | undefined {
    const ready = backends.filter(({ isReady }) => isReady)
    turn += 1
    return ready[turn % ready.length]
  }

  function pass(request: IncomingMessage, response: ServerResponse) {
    const backend = next()
    if (backend === undefined) {
      response.writeHead(502).end('no pod is ready')
      return
    }
    const { url, agent } = backend
    const { method, url: path, headers } = request
    const onward = send({ host: url.hostname, port: url.port, agent, method, path, headers }, (answer) => {
      const kept = Object.entries(answer.headers).filter(([name]) => !hopByHop.has(name))
      response.writeHead(answer.statusCode ?? 502, { ...Object.fromEntries(kept), 'x-pod': url.port })
      answer.pipe(response)
      answer.on('error', () => response.destroy())
    })
    onward.on('error', (error) => {
      if (response.headersSent) response.destroy()
      else response.writeHead(502).end(`pod ${url.port}: ${error.message}`)
    })
    request.pipe(onward)
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer) {
    const backend = next()
    if (backend === undefined) {
      socket.end('HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\n\r\n')
      return
    }
    const onward: Socket = connect(Number(backend.url.port), backend.url.hostname, () => {
      const lines = request.rawHeaders.flatMap((name, i, all) =>
        i % 2 === 0 ? [`${name}: ${all[i + 1]}`] : [],
      )
      onward.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
      onward.write(head)
      socket.pipe(onward).pipe(socket)
    })
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      open.add(one)
      one.on('error', () => {})
      one.on('close', () => {
        open.delete(one)
        other.destroy()
      })
    }
  }

  const server = createServer(pass).on('upgrade', upgrade).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')

  function remove(url: string) {
    const index = backends.findIndex((backend) => backend.url.href === new URL(url).href)
    const [removed] = index < 0 ? [] : backends.splice(index, 1)
    if (removed === undefined) return
    clearTimeout(removed.poll)
    removed.agent.destroy()
  }

  t.after(async () => {
    for (const { url } of backends.slice()) remove(url.href)
    for (const socket of open) socket.destroy()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })

  return {
    url: `http://127.0.0.1:${address.port}`,
    async add(url: string) {
      const agent = new Agent({ keepAlive: true })
      const backend: Backend = { url: new URL(url), agent, isReady: false, poll: setTimeout(() => {}, 0) }
      backends.push(backend)
      await poll(backend)
    },
    remove,
    ready: () => backends.filter(({ isReady }) => isReady).length,
  }
}

export type TestProxy = Awaited<ReturnType<typeof startProxy>>
