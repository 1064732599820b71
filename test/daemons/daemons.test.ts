import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isDaemonError } from '../../src/daemons/daemons.ts'
import { createDeadline } from '../../src/deadline.ts'
import { completed, isAlive, never, startDaemons, tempDir, until } from './support.ts'

test('starts on demand, runs turns in one session and tells what the agent says', async (t) => {
  const { daemons, turn, events, types, session } = startDaemons(t)
  const info = await daemons.ensure('c1', session)
  assert.equal(info.state, 'ready')
  assert.equal(info.isResumed, false)
  const first = completed(await turn('hello'))
  assert.equal(first.result, 'Turn 1: hello')
  assert.equal(first.isError, false)
  const id = randomUUID()
  const second = completed(await turn('tool 10ms', { id }))
  assert.equal(second.result, 'Turn 2: tool 10ms')
  assert.equal(second.cost?.toFixed(4), '0.0010')
  assert.deepEqual(types(), [
    'daemon.started',
    'agent.message',
    'agent.tool_use',
    'agent.tool_result',
    'agent.message',
  ])
  assert.deepEqual(new Set(events.slice(2).map((event) => event.instructionId)), new Set([id]))
  assert.deepEqual(events[0]?.data, { sessionId: session.id, resumed: false, pid: info.pid, pod: 'pod-1' })
})

test('starts one process for many who ask at once', async (t) => {
  const { daemons, session, types } = startDaemons(t)
  const infos = await Promise.all(Array.from({ length: 5 }, () => daemons.ensure('c1', session)))
  assert.equal(new Set(infos.map((info) => info.pid)).size, 1)
  await until('started', () => types().includes('daemon.started'))
  assert.deepEqual(types(), ['daemon.started'])
})

test('a turn that fails is an error with the agent’s words', async (t) => {
  const { turn } = startDaemons(t)
  const { isError, error, result } = completed(await turn('fail'))
  assert.deepEqual(
    { isError, error, result },
    {
      isError: true,
      error: { code: 'api_error', message: 'The instruction asked to fail' },
      result: null,
    },
  )
})

test('resumes the same session after a stop and keeps its turn count', async (t) => {
  const { daemons, turn, session, types } = startDaemons(t)
  await turn('one')
  const pid = daemons.info('c1')?.pid as number
  await daemons.stopOne('c1', 'requested')
  assert.equal(isAlive(pid), false)
  assert.equal(daemons.info('c1')?.state, 'stopped')
  assert.deepEqual(daemons.list(), [])
  const { result, cost } = completed(await turn('two'))
  assert.equal(result, 'Turn 2: two')
  assert.equal(cost?.toFixed(4), '0.0010')
  assert.equal(daemons.info('c1')?.isResumed, true)
  assert.equal(daemons.info('c1')?.sessionId, session.id)
  assert.deepEqual(
    types().filter((type) => type.startsWith('daemon.')),
    ['daemon.started', 'daemon.stopped', 'daemon.started'],
  )
})

test('a session that never had a turn is started again without a loss', async (t) => {
  const { daemons, session } = startDaemons(t)
  await daemons.ensure('c1', session)
  await daemons.stopOne('c1', 'requested')
  const info = await daemons.ensure('c1', { ...session, isStarted: true })
  assert.equal(info.state, 'ready')
  assert.equal(info.isResumed, false)
})

test('a session that turns out to exist is resumed', async (t) => {
  const { daemons, turn, session } = startDaemons(t)
  await turn('one')
  await daemons.stopOne('c1', 'requested')
  const info = await daemons.ensure('c1', { id: session.id, isStarted: false })
  assert.equal(info.isResumed, true)
})

test('an unknown session is lost, never silently replaced', async (t) => {
  const { daemons } = startDaemons(t)
  await assert.rejects(daemons.ensure('c1', { id: randomUUID(), isStarted: true }), (error) => {
    assert.ok(isDaemonError(error))
    assert.equal(error.code, 'session_lost')
    return true
  })
})

test('a crash in the middle of a tool call says so, and the turn runs once more after it', async (t) => {
  const { daemons, turn, types, ledger } = startDaemons(t)
  const exits: boolean[] = []
  daemons.onExit((_, { wasRequested }) => exits.push(wasRequested))
  const id = randomUUID()
  const running = turn('tool 60s', { id })
  const pid = await until('a tool call', () =>
    daemons.info('c1')?.openTools === 1 ? daemons.info('c1')?.pid : undefined,
  )
  process.kill(pid as number, 'SIGKILL')
  assert.deepEqual(await running, { kind: 'crashed', isInsideTool: true })
  assert.equal(daemons.info('c1')?.state, 'failed')
  assert.deepEqual(exits, [false])
  await until('exited', () => types().includes('daemon.exited'))
  const again = completed(await turn('say done', { id, mode: 'restart' }))
  assert.equal(again.result, 'Turn 1: say done')
  assert.deepEqual(
    ledger().map((fact) => fact.event),
    ['started', 'resumed', 'finished'],
  )
})

test('a crash outside of a tool call carries the exit code', async (t) => {
  const { turn, events } = startDaemons(t)
  assert.deepEqual(await turn('crash'), { kind: 'crashed', isInsideTool: false })
  const exited = await until('exited', () => events.find((event) => event.type === 'daemon.exited'))
  assert.deepEqual(exited.data, { code: 70, signal: null, stderr: [] })
})

test('an interrupted turn runs again after a resume and goes on where it was', async (t) => {
  const { daemons, turn, messages, ledger } = startDaemons(t)
  const id = randomUUID()
  const abort = new AbortController()
  const text = 'say a; sleep 1s'
  const running = turn(text, { id, signal: abort.signal })
  await until('asleep', () => messages().includes('a'))
  abort.abort('drain')
  assert.deepEqual(await running, { kind: 'interrupted' })
  assert.equal(daemons.info('c1')?.state, 'ready')
  await daemons.stopOne('c1', 'requested')
  assert.equal(completed(await turn(text, { id, mode: 'continue' })).result, `Turn 1 (continued): ${text}`)
  assert.deepEqual(messages(), ['a', `Turn 1 (continued): ${text}`])
  assert.deepEqual(
    ledger().map((fact) => fact.event),
    ['started', 'interrupted', 'resumed', 'finished'],
  )
})

test('an interrupted turn runs again in the same process too', async (t) => {
  const { turn, ledger } = startDaemons(t)
  const id = randomUUID()
  for (let i = 0; i < 2; i++) {
    const abort = new AbortController()
    const running = turn('sleep 60s', { id, signal: abort.signal, mode: i === 0 ? 'fresh' : 'restart' })
    await until('running', () => ledger().length === 2 * i + 1)
    abort.abort()
    assert.deepEqual(await running, { kind: 'interrupted' })
  }
  assert.equal(completed(await turn('hi', { id, mode: 'restart' })).result, 'Turn 1: hi')
})

test('a finished turn is never run twice, in the same process and after a resume', async (t) => {
  const { daemons, turn, ledger } = startDaemons(t)
  const id = randomUUID()
  await turn('one', { id })
  for (const isResumed of [false, true]) {
    const { isError, result } = completed(await turn('one', { id, mode: 'continue' }))
    assert.deepEqual({ isError, result }, { isError: false, result: null })
    assert.equal(daemons.info('c1')?.isResumed, isResumed)
    await daemons.kill('c1', 'recovery')
  }
  assert.deepEqual(
    ledger().map((fact) => fact.event),
    ['started', 'finished'],
  )
})

test('a turn that does not stop when interrupted is killed after a grace', async (t) => {
  const { daemons, turn, ledger } = startDaemons(t)
  const exits: boolean[] = []
  daemons.onExit((_, { wasRequested }) => exits.push(wasRequested))
  const abort = new AbortController()
  const running = turn('hang', { signal: abort.signal })
  await until('running', () => ledger().length === 1)
  const pid = daemons.info('c1')?.pid as number
  assert.equal(await daemons.ping('c1', 1000), true)
  abort.abort()
  assert.deepEqual(await running, { kind: 'interrupted' })
  assert.equal(isAlive(pid), false)
  assert.deepEqual(exits, [true])
})

test('a frozen agent answers no ping, and its turn ends as hung when it is killed', async (t) => {
  const { daemons, turn, ledger } = startDaemons(t)
  const running = turn('freeze')
  await until('running', () => ledger().length === 1)
  assert.equal(await daemons.ping('c1', 200), false)
  await daemons.kill('c1', 'hang')
  assert.deepEqual(await running, { kind: 'hung', isInsideTool: false })
  assert.equal(daemons.info('c1')?.state, 'stopped')
})

test('answers to pings are no progress of a turn', async (t) => {
  const { daemons, turn, ledger } = startDaemons(t)
  const running = turn('hang')
  await until('running', () => ledger().length === 1)
  await daemons.ping('c1', 1000)
  const before = daemons.info('c1')?.lastOutputAt
  await daemons.ping('c1', 1000)
  assert.equal(daemons.info('c1')?.lastOutputAt, before)
  await daemons.kill('c1', 'hang')
  await running
})

test('a full sink stops the reading, and that counts as no failure of the agent', async (t) => {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>()
  const { daemons, turn, messages } = startDaemons(t, {
    emit: (event) => (event.type === 'agent.message' ? opened : undefined),
  })
  const running = turn('say one; say two')
  await until('paused', () => daemons.info('c1')?.isReadingPaused)
  assert.equal(await daemons.ping('c1', 100), true)
  assert.deepEqual(messages(), ['one'])
  open()
  completed(await running)
  assert.deepEqual(messages().slice(0, 2), ['one', 'two'])
})

test('a line of 3 MB arrives, and the session goes on', async (t) => {
  const { turn, messages } = startDaemons(t)
  completed(await turn('bytes 3000000'))
  assert.match(messages()[0] ?? '', /^x{1000}/)
  assert.match(messages()[0] ?? '', /\[truncated: 3000000 bytes in all\]$/)
  assert.equal(completed(await turn('next')).result, 'Turn 2: next')
})

test('a program that does not exist is a failed start with a clear sentence', async (t) => {
  const { daemons, session, events } = startDaemons(t, { AGENT_COMMAND: 'no-such-agent' })
  await assert.rejects(daemons.ensure('c1', session), (error) => {
    assert.ok(isDaemonError(error))
    assert.equal(error.code, 'start_failed')
    assert.equal(error.message, 'AGENT_COMMAND "no-such-agent" cannot be run: there is no such program')
    return true
  })
  assert.equal(daemons.info('c1')?.state, 'failed')
  await until('told', () => events.find((event) => event.type === 'daemon.start_failed'))
})

test('a failed start carries the exit code and the last lines of stderr', async (t) => {
  const { daemons, session, events } = startDaemons(t, {
    AGENT_COMMAND: script(tempDir(t), 'echo "no key given" >&2\nexit 3'),
  })
  await assert.rejects(daemons.ensure('c1', session), (error) => {
    assert.ok(isDaemonError(error))
    assert.equal(error.message, 'the agent ended with 3: no key given')
    assert.deepEqual(error.stderr, ['no key given'])
    return true
  })
  const failed = await until('told', () => events.find((event) => event.type === 'daemon.start_failed'))
  assert.deepEqual(failed.data.stderr, ['no key given'])
})

test('lines that are no JSON are passed on as output', async (t) => {
  const main = join(import.meta.dirname, '../../src/agents/demo/main.ts')
  const command = script(tempDir(t), `echo "welcome to the agent"\nexec ${process.execPath} ${main} "$@"`)
  const { turn, events } = startDaemons(t, { AGENT_COMMAND: command })
  assert.equal(completed(await turn('hi')).result, 'Turn 1: hi')
  const output = events.find((event) => event.type === 'agent.output')
  assert.deepEqual(output?.data, { text: 'welcome to the agent' })
})

test('the agent sees no variable that is not allowed', async (t) => {
  const env = { ...process.env, DATABASE_PASSWORD: 'x', ANTHROPIC_API_KEY: 'x', MY_TOOL: 'x' }
  const { turn, messages } = startDaemons(t, { env, AGENT_ENV_ALLOW: 'MY_TOOL, OTHER' })
  await turn('env DATABASE_PASSWORD; env ANTHROPIC_API_KEY; env MY_TOOL; env DISABLE_TELEMETRY; env PATH')
  assert.deepEqual(messages().slice(0, 5), [
    'DATABASE_PASSWORD is not visible',
    'ANTHROPIC_API_KEY is visible',
    'MY_TOOL is visible',
    'DISABLE_TELEMETRY is visible',
    'PATH is visible',
  ])
})

test('a second turn is refused while one runs', async (t) => {
  const { daemons, turn, ledger } = startDaemons(t)
  const running = turn('sleep 60s')
  await until('running', () => ledger().length === 1)
  await assert.rejects(turn('other'), { code: 'busy' })
  await daemons.kill('c1', 'fenced')
  assert.deepEqual(await running, { kind: 'interrupted' })
})

test('stops an agent that idles', async (t) => {
  const { turn, events } = startDaemons(t, { DAEMON_IDLE_MINUTES: 0.002 })
  await turn('one')
  const stopped = await until('stopped', () => events.find((event) => event.type === 'daemon.stopped'))
  assert.deepEqual(stopped.data, { reason: 'idle', pod: 'pod-1' })
  assert.equal(completed(await turn('two')).result, 'Turn 2: two')
})

test('the shutdown ends all daemons at once, one that ignores every signal too, with its children', async (t) => {
  const { daemons, turn, messages, lines, ledger } = startDaemons(t)
  await turn('ignore signals; spawn child', { container: 'c1' })
  const child = Number(/child (\d+)/.exec(messages()[0] ?? '')?.[1])
  await turn('spawn child; say x', { container: 'c3' })
  const other = Number(/child (\d+)/.exec(messages()[2] ?? '')?.[1])
  const mid = turn('sleep 60s', { container: 'c2' })
  await until('running', () => ledger('c2').length === 1)
  const pids = daemons.list().map((info) => info.pid as number)
  assert.ok(isAlive(child) && isAlive(other) && pids.length === 3)
  const startedAt = performance.now()
  await daemons.stop(createDeadline(5000))
  assert.ok(performance.now() - startedAt < 5000)
  assert.deepEqual(await mid, { kind: 'interrupted' })
  assert.deepEqual([child, other, ...pids].filter(isAlive), [])
  assert.deepEqual(daemons.list(), [])
  assert.deepEqual(
    ledger('c2').map((fact) => fact.event),
    ['started', 'interrupted'],
  )
  const said = lines.map((line) => line.msg).filter((msg) => msg !== 'Claude session started')
  assert.deepEqual(said, [
    'Stopping all Claude daemons...',
    ...Array.from({ length: 3 }, () => 'Claude session stopped'),
    'All Claude daemons stopped',
  ])
  await assert.rejects(turn('late'), { code: 'stopping' })
})

test('a shutdown during a start leaves nothing behind', async (t) => {
  const { daemons, session } = startDaemons(t, { AGENT_COMMAND: script(tempDir(t), 'sleep 300 & wait') })
  const starting = daemons.ensure('c1', session)
  await until('starting', () => daemons.info('c1')?.state === 'starting')
  await Promise.all([assert.rejects(starting, { code: 'stopping' }), daemons.stop(createDeadline(5000))])
})

test('a start that is called off leaves nothing behind', async (t) => {
  const { daemons, session } = startDaemons(t)
  await assert.rejects(daemons.ensure('c1', session, AbortSignal.abort()), { code: 'stopping' })
  assert.equal((await daemons.ensure('c1', session, never)).state, 'ready')
})

function script(dir: string, body: string): string {
  const path = join(dir, 'agent.sh')
  writeFileSync(path, `#!/bin/sh\n${body}\n`)
  chmodSync(path, 0o755)
  return path
}

test('a sink that never takes an event does not hold up the shutdown', async (t) => {
  const { daemons, turn } = startDaemons(t, { emit: () => new Promise(() => {}) })
  const running = turn('say one; sleep 60s')
  await until('paused', () => daemons.info('c1')?.isReadingPaused)
  const startedAt = performance.now()
  await daemons.stop(createDeadline(5000))
  assert.ok(performance.now() - startedAt < 5000)
  assert.deepEqual(await running, { kind: 'interrupted' })
})

test('twenty daemons start and stop side by side', async (t) => {
  const { daemons, turn } = startDaemons(t)
  const containers = Array.from({ length: 20 }, (_, i) => `c${i + 1}`)
  const outcomes = await Promise.all(containers.map((container) => turn('hi', { container })))
  assert.ok(outcomes.every((outcome) => outcome.kind === 'completed'))
  const startedAt = performance.now()
  await daemons.stop(createDeadline(5000))
  assert.ok(performance.now() - startedAt < 2000)
  assert.deepEqual(daemons.list(), [])
})
