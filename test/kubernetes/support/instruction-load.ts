import { Agent } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { type Counter, send } from './http-load.ts'

/** Unfinished instructions that each container is kept at. */
const depth = 2
const pollMs = 250
/** Seconds; most are short, some outlive every budget. */
const durations = [0.1, 0.5, 45, 1, 0.2, 3, 20, 0.1, 8, 1, 45, 0.3, 5, 2, 0.1, 30]

export const durationOf = (index: number) => durations[index % durations.length] ?? 1

/** Keeps every container busy with instructions of 0.1 to 45 s until it is stopped. */
export function startInstructions(
  base: string,
  options: { containers: string[]; token: string | undefined; counter: Counter },
) {
  const { containers, token, counter } = options
  const accepted = new Map<string, string>()
  const stop = new AbortController()
  const kept = new Agent({ keepAlive: true })

  async function fill(containerId: string, lane: number) {
    const path = `/v1/containers/${containerId}`
    for (let index = lane * 3; !stop.signal.aborted; index += 1) {
      const agent = index % 2 === 0 && kept
      const text = `sleep ${durationOf(index)}s then say done ${index}`
      const submit = { method: 'POST', path: `${path}/instructions`, body: { text }, agent, token }
      const answer = await counter.count(`POST ${path}/instructions`, () => send(base, submit))
      if (answer !== undefined) accepted.set((JSON.parse(answer.body) as { id: string }).id, containerId)
      while (!stop.signal.aborted) {
        await setTimeout(pollMs)
        const reading = await counter.count(`GET ${path}/queue`, () =>
          send(base, { method: 'GET', path: `${path}/queue`, agent, token }),
        )
        if (reading !== undefined && unfinished(reading.body) < depth) break
      }
    }
  }

  const running = Promise.all(containers.map(fill))
  return {
    /** Instruction id -> container, for every one that was answered with 202. */
    accepted,
    async stop() {
      stop.abort()
      await running
      kept.destroy()
    },
  }
}

function unfinished(body: string): number {
  const { running, items } = JSON.parse(body) as { running: object | null; items: unknown[] }
  return items.length + (running === null ? 0 : 1)
}
