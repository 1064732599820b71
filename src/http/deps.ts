import type { Logger } from 'pino'
import type { Redis } from 'ioredis'
import type { Config } from '../config.ts'
import type { Feed } from '../history/feed.ts'
import type { History } from '../history/open.ts'
import type { Tail } from '../history/tail.ts'
import type { Deltas } from '../journal/deltas.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Pods } from '../ownership/pods.ts'
import type { Containers, Control } from '../queues/containers.ts'
import type { Instructions } from '../queues/instructions.ts'
import type { Audience } from './audience.ts'
import type { Backlog } from './backlog.ts'
import type { Drain } from './drain.ts'
import type { InFlight } from './in-flight.ts'
import type { Probes } from './probes.ts'

/** What the routes ask; none of it knows HTTP. */
export interface HttpDeps {
  config: Config
  log: Logger
  history: History
  feed: Feed
  deltas: Pick<Deltas, 'subscribe'>
  backlog: Backlog
  tail: Pick<Tail, 'caughtUp'>
  instructions: Instructions
  containers: Containers
  control: Control
  pods: Pods
  /** Counts requests; without it this process counts for itself. */
  redis?: Redis | undefined
  audience: Audience
  metrics: Metrics
  probes: Probes
  drain: Drain
  inFlight: InFlight
  version: string
}
