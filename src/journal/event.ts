/** A journal entry as every client sees it: the same envelope in WebSocket, SSE and REST. */
export interface JournalEvent {
  v: 1
  /** Gap-free position in the container's own sequence, from 1. */
  seq: number
  /** Changes when Redis lost its data: a cursor of another epoch means nothing here. */
  epoch: string
  /** `null` for events of the service itself (`service.*`). */
  containerId: string | null
  type: EventType
  instructionId: string | null
  /** RFC 3339, Redis time. */
  time: string
  data: Record<string, unknown>
}

export const eventTypes = [
  'container.registered',
  'container.deleted',
  'instruction.queued',
  'instruction.edited',
  'instruction.moved',
  'instruction.started',
  'instruction.interrupted',
  'instruction.needs_decision',
  'instruction.decided',
  'instruction.cancel_requested',
  'instruction.succeeded',
  'instruction.failed',
  'instruction.cancelled',
  'agent.message',
  'agent.thinking',
  'agent.tool_use',
  'agent.tool_result',
  'agent.retrying',
  'agent.output',
  'daemon.start_requested',
  'daemon.stop_requested',
  'daemon.restart_requested',
  'daemon.started',
  'daemon.start_failed',
  'daemon.stopped',
  'daemon.exited',
  'daemon.session_lost',
  'queue.paused',
  'queue.resumed',
  'queue.interrupt_requested',
  'recovery.reset',
  'health',
  'recovering',
  'recovered',
  'recovery_failed',
  'service.started',
  'service.owner_wanted',
  'service.draining',
  'service.stopped',
] as const

export type EventType = (typeof eventTypes)[number]
