import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertContiguous, createClient, subscribe, until } from '../support/client.ts'
import { startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'

const secret = 'a-secret-of-the-agent'
const inside =
  'data: forged\n\nevent: forged\nid: 9\ndata: {}\n\n\u2028\u2029</script><script>alert(1)</script>'

test('hostile output breaks no stream, log or store, and the secret it prints is nowhere', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'baton-hostile-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const said = (text: string) =>
    JSON.stringify({ type: 'assistant', message: { content: [{ type: 'text', text }] } })
  const lines = [
    said(inside),
    said('half \ud800 a character, \u0000 and \u001b[2J\u009b31m steering'),
    `{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t","name":"n","input":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}]}}`,
    'x'.repeat(9 * 1024 * 1024),
    '[INFO] a forged line of the log\r[ERROR] another',
    '{"level":"error","msg":"forged"}',
  ]
  writeFileSync(join(dir, 'lines'), `${lines.join('\n')}\n`)
  const main = join(import.meta.dirname, '../../src/agents/demo/main.ts')
  const command = join(dir, 'agent')
  const body = [
    `cat ${join(dir, 'lines')}`,
    'echo "key on stdout: $MY_API_KEY"; echo "key on stderr: $MY_API_KEY" >&2',
    'printf \'{"type":"assistant","message":{"content":[{"type":"text","text":"key in JSON: %s"}]}}\\n\' "$MY_API_KEY"',
    `exec ${process.execPath} ${main} "$@"`,
  ]
  writeFileSync(command, `#!/bin/sh\n${body.join('\n')}\n`)
  chmodSync(command, 0o755)

  const redis = await startRedis(t)
  const service = await startService(t, {
    redis,
    env: {
      AGENT_COMMAND: command,
      AGENT_ENV_ALLOW: 'MY_API_KEY',
      MY_API_KEY: secret,
      LOG_LEVEL: 'trace',
      MAX_RECOVERY_ATTEMPTS: '1',
      RECOVERY_DELAY_SECONDS: '0',
    },
  })
  const client = createClient(service.url)
  await client.register('c-1')
  const socket = await subscribe(t, service.url, 'c-1', 0)
  const stream = await fetch(`${service.url}/v1/containers/c-1/events/stream?afterSeq=0`)
  let sse = ''
  const reading = (async () => {
    for await (const chunk of stream.body ?? []) sse += Buffer.from(chunk as Uint8Array).toString()
  })().catch(() => {})

  const first = await client.submit('c-1', 'env MY_API_KEY')
  await client.waitFor('c-1', first.id, 'succeeded', 60_000)
  // The end of a session with its stderr goes to the log and to an event.
  await client.submit('c-1', 'crash')
  await until('told', () => socket.events().some(({ type }) => type === 'daemon.exited'), 60_000)

  const events = await client.events('c-1')
  assertContiguous(events)
  const seen = JSON.stringify(events)
  assert.ok(
    events.some(({ data }) => (data as { text?: string }).text === inside),
    'text is not changed',
  )
  assert.match(seen, /key on stdout: \[redacted\]/)
  assert.match(seen, /key in JSON: \[redacted\]/)
  assert.match(seen, /key on stderr: \[redacted\]/)
  assert.match(seen, /a line was too long/)
  // oxlint-disable-next-line no-control-regex -- they are what must not be there
  for (const text of [seen, sse, JSON.stringify(service.lines)]) assert.doesNotMatch(text, /[\x7f-\x9f]/)

  await until('SSE has all', () => sse.includes('daemon.exited'))
  const fields = new Set(sse.split('\n').map((line) => line.slice(0, line.indexOf(':') + 1)))
  assert.deepEqual([...fields].toSorted(), ['', ':', 'data:', 'event:', 'id:', 'retry:'])
  assert.doesNotMatch(sse, /^(event|id): (forged|9)$/m)
  assert.ok(service.lines.every(({ level, msg }) => level !== 'raw' && msg !== 'forged'))

  service.signal('SIGTERM')
  await service.exited
  await reading
  const stored = [service.dataDir, redis.dir, join(redis.dir, 'appendonlydir')]
  const everything = await Promise.all(stored.map(filesIn))
  assert.ok(
    everything.flat().some((bytes) => bytes.includes('[redacted]')),
    'the stores are the right ones',
  )
  for (const bytes of [
    ...everything.flat(),
    Buffer.from(JSON.stringify(service.lines) + service.stderr() + sse),
  ])
    assert.ok(!bytes.includes(secret), 'the secret is stored or told')
})

async function filesIn(dir: string): Promise<Buffer[]> {
  const found = await readdir(dir, { withFileTypes: true })
  return found.filter((file) => file.isFile()).map((file) => readFileSync(join(dir, file.name)))
}
