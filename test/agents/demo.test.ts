import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { parseDirectives } from '../../src/agents/demo/directives.ts'

const main = join(import.meta.dirname, '../../src/agents/demo/main.ts')

interface Line {
  type: string
  subtype?: string
  state?: string
  response?: { subtype: string; request_id: string }
}

function tempDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'baton-demo-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

function start(t: TestContext, cwd: string, ...args: string[]) {
  const child = spawn(process.execPath, [main, '-p', '--verbose', '--unknown', ...args], { cwd })
  t.after(() => child.kill('SIGKILL'))
  const lines: Line[] = []
  const waiting: (() => void)[] = []
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk)
  })
  createInterface({ input: child.stdout }).on('line', (text) => {
    lines.push(JSON.parse(text) as Line)
    waiting.splice(0).forEach((wake) => wake())
  })
  const closed = once(child, 'close') as Promise<[number | null, string | null]>
  return {
    child,
    lines,
    shape: () => lines.map((line) => [line.type, line.subtype ?? line.state ?? ''].join(' ').trim()),
    send: (line: object) => child.stdin.write(`${JSON.stringify(line)}\n`),
    user: (uuid: string, content: string) =>
      child.stdin.write(`${JSON.stringify({ type: 'user', uuid, message: { content } })}\n`),
    async until(match: (line: Line) => boolean) {
      while (!lines.some(match)) await new Promise<void>((resolve) => waiting.push(resolve))
    },
    async exit() {
      const [code] = await closed
      return { code, stderr }
    },
  }
}

const ledger = (cwd: string, id: string) =>
  readFileSync(join(cwd, '.demo-agent', `${id}.jsonl`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { event: string }).event)

test('reads directives wherever they stand, and nothing into other words', () => {
  assert.deepEqual(parseDirectives('sleep 0.5s then tool 200ms, say hi there; fail\nCrash once'), [
    { do: 'sleep', ms: 500 },
    { do: 'tool', ms: 200 },
    { do: 'say', text: 'hi there' },
    { do: 'fail' },
    { do: 'crash once' },
  ])
  assert.deepEqual(parseDirectives('please do not fail or crash, and sleep well'), [])
})

test('a turn has the same lines in the same order as Claude Code', async (t) => {
  const cwd = tempDir(t)
  const id = randomUUID()
  const agent = start(t, cwd, '--session-id', id)
  agent.user(randomUUID(), 'tool 10ms')
  agent.child.stdin.end()
  assert.equal((await agent.exit()).code, 0)
  assert.deepEqual(agent.shape(), [
    'command_lifecycle queued',
    'command_lifecycle started',
    'system init',
    'assistant',
    'user',
    'assistant',
    'result success',
    'command_lifecycle completed',
  ])
  assert.deepEqual(ledger(cwd, id), ['started', 'finished'])
})

test('answers control requests, and refuses those it does not know', async (t) => {
  const agent = start(t, tempDir(t), '--session-id', randomUUID())
  for (const subtype of ['initialize', 'get_binary_version', 'interrupt', 'dance', 'end_session']) {
    agent.send({ type: 'control_request', request_id: subtype, request: { subtype } })
  }
  assert.equal((await agent.exit()).code, 0)
  assert.deepEqual(
    agent.lines.map(({ response }) => [response?.request_id, response?.subtype]),
    [
      ['initialize', 'success'],
      ['get_binary_version', 'success'],
      ['interrupt', 'success'],
      ['dance', 'error'],
      ['end_session', 'success'],
    ],
  )
})

test('refuses a used session id and an unknown one to resume', async (t) => {
  const cwd = tempDir(t)
  const id = randomUUID()
  const first = start(t, cwd, '--session-id', id)
  first.user(randomUUID(), 'hi')
  first.child.stdin.end()
  await first.exit()
  assert.deepEqual(await start(t, cwd, '--session-id', id).exit(), {
    code: 1,
    stderr: `Error: Session ID ${id} is already in use.\n`,
  })
  const unknown = randomUUID()
  const said = `No conversation found with session ID: ${unknown}\n`
  assert.deepEqual(await start(t, cwd, '--resume', unknown).exit(), { code: 1, stderr: said })
})

test('SIGINT interrupts the turn and exits 0; SIGTERM exits 143 at once', async (t) => {
  for (const [signal, code, facts] of [
    ['SIGINT', 0, ['started', 'interrupted']],
    ['SIGTERM', 143, ['started']],
  ] as const) {
    const cwd = tempDir(t)
    const id = randomUUID()
    const agent = start(t, cwd, '--session-id', id)
    agent.user(randomUUID(), 'sleep 60s')
    await agent.until((line) => line.subtype === 'init')
    agent.child.kill(signal)
    assert.equal((await agent.exit()).code, code)
    assert.deepEqual(ledger(cwd, id), facts)
  }
})

test('runs no message again that it finished or was told to stop', async (t) => {
  const cwd = tempDir(t)
  const id = randomUUID()
  const [done, stopped] = [randomUUID(), randomUUID()]
  const first = start(t, cwd, '--session-id', id)
  first.user(done, 'hi')
  first.user(stopped, 'sleep 60s')
  await first.until((line) => line.state === 'completed')
  first.child.kill('SIGINT')
  await first.exit()
  const again = start(t, cwd, '--resume', id)
  again.user(done, 'hi')
  again.user(stopped, 'sleep 60s')
  again.child.stdin.end()
  await again.exit()
  assert.deepEqual(again.shape(), ['command_lifecycle completed', 'command_lifecycle completed'])
})

test('crash once crashes at the first run of a turn only', async (t) => {
  const cwd = tempDir(t)
  const id = randomUUID()
  const uuid = randomUUID()
  const first = start(t, cwd, '--session-id', id)
  first.user(uuid, 'crash once')
  assert.equal((await first.exit()).code, 70)
  const again = start(t, cwd, '--resume', id)
  again.user(uuid, 'crash once')
  again.child.stdin.end()
  assert.equal((await again.exit()).code, 0)
  assert.deepEqual(ledger(cwd, id), ['started', 'resumed', 'finished'])
})
