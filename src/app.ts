import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { type Config, retentionMs, stepBudgets } from './config.ts'
import { createDaemons } from './daemons/daemons.ts'
import { createHealthMonitor } from './health/monitor.ts'
import { createRecovery } from './health/recovery.ts'
import { createDatabase } from './history/component.ts'
import { createFeed } from './history/feed.ts'
import { openHistory } from './history/open.ts'
import { createRetention } from './history/retention.ts'
import { createTail } from './history/tail.ts'
import { createAudience } from './http/audience.ts'
import { createBacklog } from './http/backlog.ts'
import { createDrain } from './http/drain.ts'
import { createHttp } from './http/http.ts'
import { createInFlight } from './http/in-flight.ts'
import { createMetricsServer } from './http/metrics-server.ts'
import { createProbes } from './http/probes.ts'
import { createHttpServer } from './http/server.ts'
import { createStreams } from './http/sse.ts'
import { createSockets } from './http/websocket/server.ts'
import { createDeltas } from './journal/deltas.ts'
import { createAppender, type OwnerEvent } from './journal/appender.ts'
import { createConnections } from './journal/redis.ts'
import type { Component, Phase } from './lifecycle.ts'
import { createInstructionCounts } from './observability/instruction-counts.ts'
import { createMetrics } from './observability/metrics.ts'
import { createOwnership } from './ownership/ownership.ts'
import { createPods } from './ownership/pods.ts'
import { createContainers, createControl } from './queues/containers.ts'
import { createInstructions } from './queues/instructions.ts'
import { createLane } from './queues/lane.ts'
import { createLanes } from './queues/lanes.ts'
import { createQueues } from './queues/queues.ts'
import { createRenewal } from './queues/renew.ts'
import { createRestore } from './queues/restore.ts'
import { createSessions } from './queues/sessions.ts'
import { createTurns } from './queues/turn.ts'
import { createWorkers } from './queues/workers.ts'

/** Builds everything and opens nothing but SQLite. `components` is the order of shutdown: move a line to change it. */
export async function createApp(config: Config, log: Logger, env: NodeJS.ProcessEnv) {
  const podId = `${config.POD_NAME}-${randomBytes(3).toString('hex')}`
  const drain = createDrain(config.DRAIN_SECONDS * 1000)
  const inFlight = createInFlight()
  const history = openHistory(join(config.DATA_DIR, 'baton.sqlite'))
  if (history.wasCorrupt !== null)
    log.error({ movedTo: history.wasCorrupt }, 'SQLite was corrupt: it is rebuilt from the journal')

  const feed = createFeed()
  const connections = createConnections(config.REDIS_URL, log)
  const { runFront, runBack } = connections
  const restore = createRestore({ history, redis: connections.back, run: runBack, podId, log })
  const tail = createTail({
    redis: connections.tail,
    front: connections.front,
    history,
    feed,
    verify: createRenewal({ redis: connections.front, run: runFront, history, log }),
    onNewEpoch: restore.keep,
    log,
  })
  const retention = createRetention({
    redis: connections.back,
    history,
    retentionMs: retentionMs(config),
    log,
  })

  const ownership = createOwnership({
    run: runFront,
    podId,
    maxContainers: config.MAX_CONTAINERS_PER_POD,
    log,
    onLost: () => lanes.lose(),
    onEmpty: restore.open,
    onDeath: () => workers.claimOrphans(),
  })
  const deltas = createDeltas({ publisher: connections.front, subscriber: connections.deltas, log })
  const appender = createAppender({
    run: runBack,
    podId,
    generation: ownership.generation,
    onFenced(containerId) {
      ownership.forget(containerId)
      return lanes.lose([containerId])
    },
    log,
  })
  /** The daemons' events say on which pod they happened. */
  const emit = (containerId: string, event: OwnerEvent) => {
    deltas.flush(containerId)
    const data = event.type.startsWith('daemon.') ? { ...event.data, pod: podId } : event.data
    return appender.push(containerId, { ...event, data })
  }

  const daemons = createDaemons({
    config,
    log,
    emit,
    onDelta: (containerId, { instructionId, ...data }) =>
      deltas.publish({ containerId, instructionId, data }),
    env,
  })
  const metrics = createMetrics({
    podId,
    history,
    version,
    daemons: daemons.list,
    owned: () => ownership.owned().length,
    lagSeconds: tail.lagSeconds,
    sockets: () => sockets.count(),
    unreadBytes: () => backlog.bytes(),
    lateRequests: drain.lateRequests,
    readiness: () => probes.readiness(),
  })
  const sessions = createSessions({ run: runBack, daemons, emit })
  const recovery = createRecovery({
    run: runBack,
    podId,
    generation: ownership.generation,
    daemons,
    sessions,
    emit,
    maxAttempts: config.MAX_RECOVERY_ATTEMPTS,
    delayMs: config.RECOVERY_DELAY_SECONDS * 1000,
    log,
    onEnd: metrics.recovery,
  })
  const turns = createTurns({ run: runBack, podId, daemons, sessions, recovery, appender, log })
  const counts = createInstructionCounts(() => lifecyclePhase !== 'running')
  const lanes = createLanes({
    ownership,
    daemons,
    appender,
    idleMs: config.WORKER_IDLE_SECONDS * 1000,
    openLane: (containerId, generation) =>
      createLane({
        containerId,
        generation,
        redis: connections.back,
        run: runBack,
        turns,
        endLeftover: daemons.endLeftover,
        workerIdleMs: config.WORKER_IDLE_SECONDS * 1000,
        log,
        onEnd: counts.add,
      }),
    log,
  })
  const workers = createWorkers({
    budgetMs: config.WORKERS_BUDGET_SECONDS * 1000,
    podId,
    lanes,
    daemons,
    sessions,
    log,
  })
  const monitor = createHealthMonitor({ daemons, recovery, config, log })
  const queues = createQueues({
    budgetMs: stepBudgets.queues,
    podId,
    connections,
    ownership,
    tail,
    retention,
    appender,
    lanes: lanes.owned,
    inFlight,
    closeForWrites: drain.closeForWrites,
    onOpen: restore.open,
    log,
  })

  // After SQLite has an event: the metrics, the owner of its container, then the clients.
  feed.subscribeAll(metrics.event)
  feed.subscribeAll(workers.act)

  const probes = createProbes({
    isStarted: () => lifecyclePhase !== 'starting',
    drain,
    checks: [
      { name: 'redis', check: () => connections.front.ping() },
      { name: 'sqlite', check: () => history.check() },
      { name: 'projection', check: () => tail.assertLag(config.READY_MAX_LAG_SECONDS) },
    ],
  })
  const backlog = createBacklog(log)
  const audience = createAudience(config)
  const streams = createStreams({ history, feed, deltas, backlog, audience, log })
  const sockets = createSockets({ history, feed, deltas, backlog, audience, log, config }, streams)
  const server = await createHttpServer(
    {
      config,
      log,
      history,
      feed,
      deltas,
      backlog,
      tail,
      instructions: createInstructions({
        run: runFront,
        podId,
        queueLimit: config.QUEUE_LIMIT,
        onAccepted: lanes.ring,
      }),
      containers: createContainers(runFront, config.MAX_CONTAINERS),
      control: createControl(runFront, lanes.find),
      pods: createPods({ run: runFront, history }),
      redis: connections.front,
      audience,
      metrics,
      probes,
      drain,
      inFlight,
      version,
    },
    sockets,
    streams,
  )
  const metricsServer = await createMetricsServer({ config, probes, metrics, version })
  const http = createHttp(server, metricsServer, config, log)
  const database = createDatabase(history, log)

  let lifecyclePhase: Phase = 'starting'
  return {
    components: [monitor, workers, daemons, queues, sockets, http, database] as Component[],
    server: server.server,
    onPhase(phase: Phase) {
      lifecyclePhase = phase
      metrics.phase(phase)
      if (phase === 'draining') drain.begin()
    },
    onStep: metrics.step,
    onExit: daemons.killAllNow,
    url: () => server.listeningOrigin,
    counts: () => ({
      instructions: counts.read(lanes.owned().filter((lane) => lane.isRunning()).length),
      socketsClosed: sockets.closedCount(),
      lateRequests: drain.lateRequests(),
    }),
  }
}

export type App = Awaited<ReturnType<typeof createApp>>

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }
