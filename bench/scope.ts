import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type TestRedis } from '../test/support/redis.ts'
import { startService } from '../test/support/service.ts'

/** What the test support asks of a test, for a measurement: everything that was started ends with it. */
export async function measured<T>(work: (t: TestContext) => Promise<T>): Promise<T> {
  const ends: (() => unknown)[] = []
  const t = { after: (end: () => unknown) => void ends.push(end) } as unknown as TestContext
  try {
    return await work(t)
  } finally {
    for (const end of ends.toReversed()) await end()
  }
}

/** Pods of Baton with an agent that costs next to nothing, on one Redis and one directory of workspaces. */
export async function startPods(
  t: TestContext,
  redis: TestRedis,
  count: number,
  env: Record<string, string> = {},
) {
  const workspaces = await mkdtemp(join(tmpdir(), 'baton-bench-'))
  t.after(() => rm(workspaces, { recursive: true, force: true, maxRetries: 5 }))
  const start = (name: string) =>
    startService(t, {
      redis,
      env: {
        POD_NAME: name,
        WORKSPACES_DIR: workspaces,
        RATE_LIMIT_PER_MINUTE: '0',
        AGENT_COMMAND: fileURLToPath(new URL('agent.sh', import.meta.url)),
        ...env,
      },
    })
  return Promise.all(Array.from({ length: count }, (_, i) => start(`pod-${i + 1}`)))
}

export interface Spread {
  min: number
  median: number
  max: number
}

export function spread(values: number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (index: number) => Math.round(sorted[index] ?? Number.NaN)
  return { min: at(0), median: at(Math.floor(sorted.length / 2)), max: at(sorted.length - 1) }
}

/** Runs `work` for every item, at most `limit` at a time. */
export async function eachOf<T>(items: readonly T[], limit: number, work: (item: T) => Promise<unknown>) {
  const waiting = items.values()
  const next = async () => {
    for (const item of waiting) await work(item)
  }
  await Promise.all(Array.from({ length: limit }, next))
}

/** `--name=value` of the command line. */
export function option(name: string, fallback: string): string {
  const given = process.argv.find((word) => word.startsWith(`--${name}=`))
  return given === undefined ? fallback : given.slice(name.length + 3)
}
