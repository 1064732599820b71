import type { FastifyReply, FastifyRequest } from 'fastify'
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { DaemonInfo } from '../daemons/types.ts'
import type { RecoveryEnd } from '../health/recovery.ts'
import type { History } from '../history/open.ts'
import type { JournalEvent } from '../journal/event.ts'
import type { Phase, StepReport } from '../lifecycle.ts'
import type { Cause } from '../queues/turn.ts'

const phases: Phase[] = ['starting', 'running', 'draining', 'stopping', 'stopped']
/** Gauges that are called totals; the same numbers come by type without the suffix. */
const misnamed = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`)
/** Counters start at 0: Prometheus sees no increase in a series that begins at 1. */
const outcomes = ['succeeded', 'failed', 'cancelled']
const causes: Cause[] = ['drain', 'crash', 'hang']
const recoveryEnds: RecoveryEnd[] = ['recovered', 'quarantined', 'stopped']
const daemonStates = ['starting', 'ready', 'busy', 'stopping', 'failed'] as const
/** Seconds; turns of an agent take from a second to an hour. */
const turnBuckets = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 1800, 3600]
const requestBuckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15]

/** Everything that `/metrics` shows, in a registry of this app's own. Containers are no label: there are too many. */
export function createMetrics(read: {
  podId: string
  history: Pick<History, 'stats'>
  daemons(): DaemonInfo[]
  owned(): number
  lagSeconds(): number
  sockets(): number
  unreadBytes(): number
  lateRequests(): number
  readiness(): Promise<{ checks: Record<string, { ok: boolean }> }>
  version: string
}) {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  for (const name of misnamed) registry.removeSingleMetric(name)

  /** Metrics that read their value when Prometheus asks. */
  const collected = (
    name: string,
    help: string,
    label: string,
    collect: (set: (value: string, count: number) => void) => void | Promise<void>,
  ) =>
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers,
      async collect() {
        await collect((value, count) => this.set({ [label]: value }, count))
      },
    })

  const requests = new Histogram({
    name: 'baton_http_request_duration_seconds',
    help: 'Time to answer HTTP requests, by route pattern',
    labelNames: ['method', 'route', 'status'],
    buckets: requestBuckets,
    registers,
  })
  const ended = new Counter({
    name: 'baton_instructions_total',
    help: 'Instructions that ended on this pod',
    labelNames: ['outcome'],
    registers,
  })
  const durations = new Histogram({
    name: 'baton_instruction_duration_seconds',
    help: 'From the last start of an instruction to its end',
    labelNames: ['outcome'],
    buckets: turnBuckets,
    registers,
  })
  const waits = new Histogram({
    name: 'baton_instruction_wait_seconds',
    help: 'From acceptance of an instruction to its first start',
    buckets: turnBuckets,
    registers,
  })
  const interruptions = new Counter({
    name: 'baton_interruptions_total',
    help: 'Running instructions that this pod took off their agent, or found without one after a crash',
    labelNames: ['cause'],
    registers,
  })
  const recoveries = new Counter({
    name: 'baton_recoveries_total',
    help: 'Recoveries of daemons by how they ended',
    labelNames: ['outcome'],
    registers,
  })
  for (const outcome of outcomes) ended.inc({ outcome }, 0)
  for (const cause of causes) interruptions.inc({ cause }, 0)
  for (const outcome of recoveryEnds) recoveries.inc({ outcome }, 0)
  const phase = new Gauge({
    name: 'baton_shutdown_phase',
    help: '1 for the phase of life that the service is in',
    labelNames: ['phase'],
    registers,
  })
  const steps = new Gauge({
    name: 'baton_shutdown_step_duration_seconds',
    help: 'How long each step of the shutdown took',
    labelNames: ['step', 'outcome'],
    registers,
  })

  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  collected('baton_instructions', 'Instructions in the history by state', 'state', (set) => {
    for (const [state, count] of Object.entries(read.history.stats().byState)) set(state, count)
  })
  collected('baton_daemons', 'Agent sessions of this pod by state', 'state', (set) => {
    const daemons = read.daemons()
    for (const state of daemonStates) set(state, daemons.filter((daemon) => daemon.state === state).length)
  })
  gauge(
    'baton_queue_depth',
    'Instructions that wait in all queues',
    () => read.history.stats().byState.queued,
  )
  gauge('baton_queue_oldest_age_seconds', 'How long the oldest waiting instruction waits', () => {
    const { oldestQueuedAt } = read.history.stats()
    return oldestQueuedAt === null ? 0 : Math.max(0, (Date.now() - Date.parse(oldestQueuedAt)) / 1000)
  })
  gauge(
    'baton_journal_lag_seconds',
    'Age of the oldest journal entry that is not in SQLite yet',
    read.lagSeconds,
  )
  gauge('baton_containers_owned', 'Containers that this pod owns', read.owned)
  gauge('baton_websocket_connections', 'Open WebSockets', read.sockets)
  gauge('baton_unread_bytes', 'Memory that waits for clients to read it', read.unreadBytes)
  const late = new Counter({
    name: 'baton_late_requests_total',
    help: 'Requests in the last fifth of the drain window: above 0 it is too short',
    registers,
    collect() {
      late.reset()
      late.inc(read.lateRequests())
    },
  })
  collected(
    'baton_readiness_check',
    '1 for each check of /readyz that is well, else 0',
    'check',
    async (set) => {
      for (const [check, { ok }] of Object.entries((await read.readiness()).checks)) set(check, ok ? 1 : 0)
    },
  )
  collected('baton_build_info', 'The version', 'version', (set) => set(read.version, 1))

  const queuedAt = new Map<string, number>()
  const startedAt = new Map<string, number>()

  return {
    registry,
    request(request: FastifyRequest, reply: FastifyReply) {
      const route = request.routeOptions.url ?? 'none'
      requests.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000)
    },
    /** Every event of the journal, as it comes by; counted where it happened, so that a sum over pods is right. */
    event({ type, instructionId, time, data }: JournalEvent) {
      if (instructionId === null) return
      const isOwn = data.pod === read.podId
      const at = Date.parse(time)
      if (type === 'instruction.queued') queuedAt.set(instructionId, at)
      if (type === 'instruction.interrupted' && isOwn) interruptions.inc({ cause: String(data.cause) })
      if (type === 'instruction.started') {
        const since = queuedAt.get(instructionId)
        if (since !== undefined && isOwn) waits.observe((at - since) / 1000)
        queuedAt.delete(instructionId)
        startedAt.set(instructionId, at)
      }
      const outcome = /^instruction\.(succeeded|failed|cancelled)$/.exec(type)?.[1]
      if (outcome === undefined) return
      if (isOwn) ended.inc({ outcome })
      const since = startedAt.get(instructionId)
      if (since !== undefined && isOwn) durations.observe({ outcome }, (at - since) / 1000)
      startedAt.delete(instructionId)
      queuedAt.delete(instructionId)
    },
    recovery: (end: RecoveryEnd) => recoveries.inc({ outcome: end }),
    phase(current: Phase) {
      for (const name of phases) phase.set({ phase: name }, name === current ? 1 : 0)
    },
    step: ({ name, outcome, ms }: StepReport) => steps.set({ step: name, outcome }, ms / 1000),
  }
}

export type Metrics = ReturnType<typeof createMetrics>
