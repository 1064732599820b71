import assert from 'node:assert/strict'
import { kubectl } from './commands.ts'

interface Fact {
  containerId: string
  time: string
  turn: string
  event: 'started' | 'resumed' | 'finished' | 'interrupted'
}

const script = `
const { readdirSync, readFileSync } = require('node:fs')
const root = process.env.WORKSPACES_DIR
const list = (dir) => { try { return readdirSync(dir) } catch { return [] } }
for (const containerId of list(root)) {
  const dir = root + '/' + containerId + '/.demo-agent'
  for (const file of list(dir)) for (const line of readFileSync(dir + '/' + file, 'utf8').split('\\n'))
    if (line) console.log(JSON.stringify({ containerId, ...JSON.parse(line) }))
}`

/** What the agents themselves wrote into the workspaces: no part of the service can touch it. */
export async function readLedger(namespace: string, pod: string): Promise<Fact[]> {
  const text = await kubectl('-n', namespace, 'exec', pod, '-c', 'baton', '--', 'node', '-e', script)
  const facts = text.split('\n').filter(Boolean)
  return facts.map((line) => JSON.parse(line) as Fact).toSorted((a, b) => a.time.localeCompare(b.time))
}

export interface Audit {
  facts: number
  /** Accepted, and never finished by an agent. */
  lost: string[]
  /** Finished more than once, or begun while it or another one of its container ran. */
  doubled: string[]
  /** Cut off without a word from the agent, and begun again: what a killed pod leaves. */
  cutOff: number
}

/** Compares what was accepted with what ran. */
export function audit(facts: Fact[], accepted: Map<string, string>): Audit {
  const running = new Map<string, string>()
  const finished = new Map<string, number>()
  const doubled: string[] = []
  let cutOff = 0
  for (const { containerId, turn, event, time } of facts) {
    const current = running.get(containerId)
    if (event === 'started' || event === 'resumed') {
      if (current === turn) cutOff += 1
      else if (current !== undefined)
        doubled.push(`${time} ${containerId}: ${turn} began while ${current} ran`)
      running.set(containerId, turn)
      continue
    }
    if (current !== turn) doubled.push(`${time} ${containerId}: ${turn} ${event} while ${current} ran`)
    running.delete(containerId)
    if (event === 'finished') finished.set(turn, (finished.get(turn) ?? 0) + 1)
  }
  for (const [turn, count] of finished) if (count > 1) doubled.push(`${turn} finished ${count} times`)
  const lost = [...accepted.keys()].filter((id) => !finished.has(id))
  return { facts: facts.length, lost, doubled, cutOff }
}

/** Nothing lost, nothing twice, and nothing cut off that was handed over. */
export function assertClean(found: Audit) {
  assert.deepEqual({ lost: found.lost, doubled: found.doubled }, { lost: [], doubled: [] })
}
