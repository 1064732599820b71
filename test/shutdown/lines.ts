import assert from 'node:assert/strict'
import type { TestService } from '../support/service.ts'

const begin = 'Received shutdown signal, starting graceful shutdown'

/** The log lines of every step, in the order of the list. */
export const stepLines = {
  'health-monitor': ['Stopping health monitors...', 'All health monitors stopped'],
  workers: [
    /^Waiting for active workers to finish \(max \d+s\)\.\.\.$/,
    'Worker stopped',
    'All workers stopped',
  ],
  daemons: ['Stopping all Claude daemons...', 'Claude session stopped', 'All Claude daemons stopped'],
  queues: ['Destroying all queues...', 'Queue destroyed', 'All queues destroyed'],
  websocket: ['WebSocket server closed'],
  http: ['HTTP server closed'],
  database: ['Database closed'],
} as const

export type Step = keyof typeof stepLines
export const steps = Object.keys(stepLines) as Step[]

/** Fails unless the shutdown logged exactly these steps, each line once and in order. */
export function assertShutdownLines(service: TestService, present: readonly Step[], last: string) {
  const messages = service.messages()
  const known = [
    begin,
    ...steps.flatMap((step) => [...stepLines[step]]),
    'Graceful shutdown completed',
    'Shutdown completed with failures',
  ]
  const isKnown = (message: string) => known.some((line) => matches(message, line))
  const logged = messages.filter(isKnown)
  const expected = [
    begin,
    ...steps.filter((step) => present.includes(step)).flatMap((step) => [...stepLines[step]]),
    last,
  ]
  assert.equal(logged.length, expected.length, JSON.stringify(logged, null, 1))
  for (const [index, line] of expected.entries()) {
    assert.ok(
      matches(logged[index] ?? '', line),
      `line ${index} is "${logged[index]}", expected "${String(line)}"`,
    )
  }
}

const matches = (message: string, line: string | RegExp) =>
  typeof line === 'string' ? message === line : line.test(message)
