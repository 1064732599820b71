import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { Redis } from 'ioredis'
import { type Logger, pino } from 'pino'
import { WebSocket } from 'ws'
import { loadConfig } from '../../src/config.ts'
import { createDeadline } from '../../src/deadline.ts'
import { createFeed } from '../../src/history/feed.ts'
import type { HttpDeps } from '../../src/http/deps.ts'
import { createAudience } from '../../src/http/audience.ts'
import { createBacklog } from '../../src/http/backlog.ts'
import { createDrain } from '../../src/http/drain.ts'
import { createInFlight } from '../../src/http/in-flight.ts'
import { type Check, createProbes } from '../../src/http/probes.ts'
import { createHttpServer } from '../../src/http/server.ts'
import { createStreams } from '../../src/http/sse.ts'
import { createSockets } from '../../src/http/websocket/server.ts'
import type { Delta } from '../../src/journal/deltas.ts'
import type { JournalEntry } from '../../src/journal/entry.ts'
import { createMetrics } from '../../src/observability/metrics.ts'
import { type Fact, createWriter, startHistory } from '../history/support.ts'

/** What a test did not say it needs is not there. */
function absent(what: string): never {
  throw new Error(`this test has no ${what}`)
}

export interface HttpOptions {
  env?: NodeJS.ProcessEnv
  checks?: Check[]
  drainMs?: number
  isStarted?(): boolean
  log?: Logger
  backlogBytes?: number
  redis?: Redis
  deps?: Partial<Pick<HttpDeps, 'instructions' | 'containers' | 'control' | 'tail'>>
}

/** The HTTP side alone, listening, over a real history that the test writes as the journal's tail does. */
export async function startHttp(t: TestContext, options: HttpOptions = {}) {
  const { history } = await startHistory(t)
  const feed = createFeed()
  const listeners = new Set<(delta: Delta) => void>()
  const deltas = {
    subscribe(_containerId: string, listener: (delta: Delta) => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  const drain = createDrain(options.drainMs ?? 0)
  const inFlight = createInFlight()
  const config = loadConfig({ MAX_EVENT_LOOP_DELAY_MS: '0', ...options.env })
  const log = options.log ?? pino({ level: 'silent' })
  const backlog = createBacklog(log, options.backlogBytes)
  const metrics = createMetrics({
    podId: 'pod-1',
    history,
    daemons: () => [],
    owned: () => 2,
    lagSeconds: () => 0,
    sockets: () => sockets.count(),
    unreadBytes: backlog.bytes,
    lateRequests: drain.lateRequests,
    readiness: async () => ({ checks: {} }),
    version: '1.2.3',
  })
  const audience = createAudience(config)
  const streams = createStreams({ history, feed, deltas, backlog, audience, log })
  const sockets = createSockets({ history, feed, deltas, backlog, audience, log, config }, streams)
  const app = await createHttpServer(
    {
      config,
      log,
      history,
      feed,
      deltas,
      backlog,
      tail: { caughtUp: async () => {} },
      instructions: new Proxy({}, { get: () => absent('instructions') }) as HttpDeps['instructions'],
      containers: new Proxy({}, { get: () => absent('containers') }) as HttpDeps['containers'],
      control: { request: async () => absent('control') },
      pods: async () => absent('pods'),
      redis: options.redis,
      audience,
      metrics,
      probes: createProbes({
        checks: options.checks ?? [],
        drain,
        isStarted: options.isStarted ?? (() => true),
      }),
      drain,
      inFlight,
      version: '1.2.3',
      ...options.deps,
    },
    sockets,
    streams,
  )
  const connections = new Set<Socket>()
  app.server.on('connection', (socket: Socket) => connections.add(socket))
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  sockets.start()
  t.after(async () => {
    for (const connection of connections) connection.destroy()
    await sockets.stop(createDeadline(0))
    await app.close()
  })

  let writer = createWriter()
  /** As the tail does: SQLite first, then whoever listens. */
  function publish(entries: JournalEntry[]) {
    const epoch = entries[0]?.event.epoch ?? ''
    if (history.epoch !== epoch) history.reset(epoch)
    history.apply(entries)
    feed.publish(entries.map(({ event }) => event))
  }

  return {
    app,
    url,
    history,
    feed,
    drain,
    inFlight,
    audience,
    metrics,
    streams,
    sockets,
    unreadBytes: backlog.bytes,
    /** The server's ends, in order of arrival. */
    connections: () => [...connections],
    publish,
    write: (containerId: string, ...facts: Fact[]) => publish(writer.entries(containerId, ...facts)),
    delta(delta: Delta) {
      for (const listener of listeners) listener(delta)
    },
    listeners: () => listeners.size,
    /** Entries that the history never sees, as when the journal was trimmed before they were read. */
    skip: (containerId: string, count: number) => writer.skip(containerId, count),
    /** Redis lost its data: every sequence begins again. */
    newEpoch(epoch: string) {
      writer = createWriter(epoch, 1_000_000)
    },
  }
}

export type TestHttp = Awaited<ReturnType<typeof startHttp>>
export const registered: Fact = ['container.registered']
export const says = (text: string): Fact => ['agent.message', { text }]

/** A client that collects its frames. */
export async function connect(t: TestContext, url: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/claude-daemon`, { headers })
  const frames: Record<string, unknown>[] = []
  const closed = Promise.withResolvers<{ code: number; reason: string }>()
  socket.on('message', (data) =>
    frames.push(JSON.parse((data as Buffer).toString()) as Record<string, unknown>),
  )
  socket.on('close', (code, reason) => closed.resolve({ code, reason: reason.toString() }))
  t.after(() => socket.terminate())
  await once(socket, 'open')
  socket.on('error', () => {})
  return {
    socket,
    frames,
    closed: closed.promise,
    ask: (frame: object) => socket.send(JSON.stringify(frame)),
    seqs: () => frames.filter(({ v }) => v === 1).map(({ seq }) => Number(seq)),
    of: (op: string) => frames.filter((frame) => frame.op === op),
  }
}

/** 1, 2, ... n. */
export const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1)
