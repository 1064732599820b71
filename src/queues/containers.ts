import { serviceError } from '../errors.ts'
import type { RunScript } from '../journal/scripts.ts'
import { createAsk } from './instructions.ts'

export const operations = ['start', 'stop', 'restart', 'interrupt', 'pause', 'resume', 'reset'] as const
export type Operation = (typeof operations)[number]

/** The others change what Redis knows, and whoever owns the container next goes by that. */
const needsOwner = new Set<Operation>(['start', 'restart'])

export function createContainers(run: RunScript, maxContainers: number) {
  const ask = createAsk(run)
  return {
    async register(containerId: string) {
      const [outcome, seq] = await ask('register', containerId, maxContainers)
      return { isCreated: outcome === 'created', seq: Number(seq) }
    },
    async forget(containerId: string) {
      const [, seq] = await ask('forget', containerId)
      return { seq: Number(seq) }
    },
  }
}

/** Requests reach the owner through the journal, whichever pod was asked; a container without an owner gets one first. */
export function createControl(run: RunScript, find: (containerId: string) => Promise<unknown>) {
  const ask = createAsk(run)
  return {
    async request(containerId: string, operation: Operation) {
      const owner = await find(containerId)
      if (owner === 'unavailable' && needsOwner.has(operation)) throw serviceError('no_owner')
      const [, seq] = await ask('control', containerId, operation)
      return { seq: Number(seq) }
    },
  }
}

export type Containers = ReturnType<typeof createContainers>
export type Control = ReturnType<typeof createControl>
