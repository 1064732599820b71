import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { JournalEvent } from '../../src/journal/event.ts'

export interface Instruction {
  id: string
  state: string
  text: string
  result: string | null
  error: { code: string; message: string } | null
  sessionId: string | null
  attempts: number
  position: number | null
  interruptions: { cause: string; at: string; pod: string }[]
  startedAt: string | null
  finishedAt: string | null
  seq: number
}

/** Polls until `read` gives something; fails with `what` after `ms`. */
export async function until<T>(
  what: string,
  read: () => T | undefined | false | Promise<T | undefined | false>,
  ms = 20_000,
): Promise<T> {
  const endsAt = Date.now() + ms
  for (;;) {
    const value = await read()
    if (value !== undefined && value !== false) return value
    if (Date.now() > endsAt) assert.fail(`not within ${ms} ms: ${what}`)
    await setTimeout(20)
  }
}

/** Speaks to a running service as a user would. */
export function createClient(base: string, token?: string) {
  async function call(method: string, path: string, body?: unknown) {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? null : JSON.parse(text)) as never,
    }
  }

  async function ok<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await call(method, path, body)
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }

  return {
    call,
    register: (containerId: string) => ok('PUT', `/v1/containers/${containerId}`),
    submit: (containerId: string, text: string, more: object = {}) =>
      ok<{ id: string; position: number; seq: number }>(
        'POST',
        `/v1/containers/${containerId}/instructions`,
        { text, ...more },
      ),
    instruction: (containerId: string, id: string) =>
      ok<Instruction>('GET', `/v1/containers/${containerId}/instructions/${id}`),
    waitFor: (containerId: string, id: string, state: string, ms?: number) =>
      until(
        `${id} ${state}`,
        async () => {
          const found = await ok<Instruction>('GET', `/v1/containers/${containerId}/instructions/${id}`)
          return found.state === state && found
        },
        ms,
      ),
    /** Every event of a container, read page by page. */
    async events(containerId: string): Promise<JournalEvent[]> {
      const all: JournalEvent[] = []
      for (;;) {
        const path = `/v1/containers/${containerId}/events?afterSeq=${all.at(-1)?.seq ?? 0}&limit=500`
        const { items } = await ok<{ items: JournalEvent[] }>('GET', path)
        if (items.length === 0) return all
        all.push(...items)
      }
    },
  }
}

export type Client = ReturnType<typeof createClient>

/** A socket that subscribed and collects what it is sent. */
export async function subscribe(t: TestContext, base: string, containerId: string, afterSeq?: number) {
  const socket = new WebSocket(`${base.replace('http', 'ws')}/claude-daemon`)
  const frames: Record<string, unknown>[] = []
  const closed = Promise.withResolvers<{ code: number; reason: string }>()
  socket.on('message', (data) =>
    frames.push(JSON.parse((data as Buffer).toString()) as Record<string, unknown>),
  )
  socket.on('close', (code, reason) => closed.resolve({ code, reason: reason.toString() }))
  socket.on('error', () => {})
  t.after(() => socket.terminate())
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  socket.send(
    JSON.stringify({ op: 'subscribe', containerId, ...(afterSeq === undefined ? {} : { afterSeq }) }),
  )
  await until('live', () => frames.some((frame) => frame.op === 'live'))
  return {
    socket,
    frames,
    events: () => frames.filter((frame) => frame.v === 1) as unknown as JournalEvent[],
    closed: closed.promise,
  }
}

export interface LedgerLine {
  time: string
  turn: string
  event: string
}

/** What the demo agent itself wrote down: the ledger that no part of the service can touch. */
export async function ledger(workspacesDir: string, containerId: string): Promise<LedgerLine[]> {
  const dir = join(workspacesDir, containerId, '.demo-agent')
  const names = await readdir(dir).catch(() => [])
  const files = await Promise.all(
    names.filter((name) => name.endsWith('.jsonl')).map((name) => readFile(join(dir, name), 'utf8')),
  )
  const lines = files.flatMap((file) => file.split('\n').filter(Boolean))
  return lines.map((line) => JSON.parse(line) as LedgerLine).toSorted((a, b) => a.time.localeCompare(b.time))
}

/** Fails unless the seqs are exactly 1..n. */
export function assertContiguous(events: JournalEvent[]) {
  assert.deepEqual(
    events.map((event) => event.seq),
    events.map((_, index) => index + 1),
  )
}
