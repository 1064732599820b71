import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, readdirSync, rmSync, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { pino } from 'pino'
import type { DaemonConfig } from '../../src/daemons/daemon.ts'
import { createDaemons, type DaemonEvent, type Turn, type TurnOutcome } from '../../src/daemons/daemons.ts'
import { createDeadline } from '../../src/deadline.ts'

export async function until<T>(what: string, read: () => T | undefined | false, ms = 10_000): Promise<T> {
  const endsAt = Date.now() + ms
  for (;;) {
    const value = read()
    if (value !== undefined && value !== false) return value
    if (Date.now() > endsAt) assert.fail(`not within ${ms} ms: ${what}`)
    await setTimeout(10)
  }
}

export function tempDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'baton-daemons-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

export const never = new AbortController().signal

type Settings = Partial<DaemonConfig> & {
  env?: NodeJS.ProcessEnv
  emit?: (event: DaemonEvent) => void | Promise<void>
}

/** Daemons with the real demo agent; everything is ended when the test is. */
export function startDaemons(t: TestContext, { env = process.env, emit, ...settings }: Settings = {}) {
  const config: DaemonConfig = {
    AGENT_COMMAND: 'demo',
    AGENT_ARGS: '',
    AGENT_ENV_ALLOW: '',
    WORKSPACES_DIR: settings.WORKSPACES_DIR ?? tempDir(t),
    DAEMON_IDLE_MINUTES: 30,
    POD_NAME: 'pod-1',
    ...settings,
  }
  const events: (DaemonEvent & { containerId: string })[] = []
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'info', base: {} }, { write: (line) => lines.push(JSON.parse(line)) })
  const daemons = createDaemons({
    config,
    log,
    env,
    emit: (containerId, event) => {
      events.push({ containerId, ...event })
      return emit?.(event)
    },
  })
  t.after(() => daemons.stop(createDeadline(1500)))
  const session = { id: randomUUID(), isStarted: false }
  const sessions = new Map([['c1', session]])
  return {
    daemons,
    config,
    events,
    lines,
    session,
    types: () => events.map((event) => event.type),
    messages: () =>
      events.filter((event) => event.type === 'agent.message').map((event) => String(event.data.text)),
    /** Ensures a daemon and runs one turn in it. */
    async turn(
      text: string,
      more: Partial<Turn> & { signal?: AbortSignal; container?: string } = {},
    ): Promise<TurnOutcome> {
      const { signal = never, container = 'c1', ...given } = more
      const own = sessions.get(container) ?? { id: randomUUID(), isStarted: false }
      sessions.set(container, own)
      await daemons.ensure(container, own)
      own.isStarted = true
      return daemons.run(container, { id: randomUUID(), mode: 'fresh', text, ...given }, signal)
    },
    ledger: (container = 'c1') => ledger(join(config.WORKSPACES_DIR, container)),
  }
}

export function ledger(workspace: string): { turn: string; event: string }[] {
  const dir = join(workspace, '.demo-agent')
  const names = existsSync(dir) ? readdirSync(dir) : []
  return names.flatMap((name) =>
    readFileSync(join(dir, name), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { turn: string; event: string }),
  )
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    // A dead process that nobody has waited for yet is no living one.
    return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return !existsSync('/proc/self')
  }
}

export function completed(outcome: TurnOutcome) {
  assert.equal(outcome.kind, 'completed')
  return outcome
}
