import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { freePort } from '../support/redis.ts'

const root = new URL('../../', import.meta.url).pathname

async function until<T>(what: string | (() => string), read: () => T | undefined | false): Promise<T> {
  for (const end = Date.now() + 20_000; Date.now() < end; await setTimeout(20)) {
    const value = read()
    if (value !== undefined && value !== false) return value
  }
  throw new Error(`not within 20 s: ${typeof what === 'string' ? what : what()}`)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A checkout whose service is the stub; its packages are those of this one. */
async function checkout(t: TestContext, more: Record<string, string> = {}) {
  const dir = fs.mkdtempSync(join(tmpdir(), 'baton start-'))
  for (const path of ['scripts', 'src', 'package.json', 'package-lock.json']) {
    fs.cpSync(join(root, path), join(dir, path), { recursive: true })
  }
  fs.cpSync(join(root, 'test/scripts/stub-service.ts'), join(dir, 'src/main.ts'))
  const packages = join(dir, 'node_modules')
  fs.mkdirSync(packages)
  for (const name of fs.readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.')) fs.symlinkSync(join(root, 'node_modules', name), join(packages, name))
  }
  fs.cpSync(join(root, 'package-lock.json'), join(packages, '.baton-lock'))

  const pidFile = join(dir, 'baton.pid')
  const redisPidFile = join(dir, 'data/redis/redis.pid')
  const path = `${dirname(process.execPath)}:${process.env.PATH}`
  const given = { PATH: path, PORT: String(await freePort()), PID_FILE: pidFile }
  const env = { ...process.env, REDIS_URL: '', REDIS_URL_FILE: '', DATA_DIR: '', ...given, ...more }
  const pidIn = (file: string) =>
    (fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8')) : 0) || undefined

  const children: ChildProcess[] = []

  function start() {
    const child = spawn('bash', ['scripts/start.sh'], { cwd: dir, env, detached: true })
    const exited = once(child, 'close') as Promise<[number | null, string | null]>
    let output = ''
    const collect = (chunk: Buffer) => {
      output += chunk.toString()
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    children.push(child)
    const says = (pattern: RegExp) =>
      until(
        () => `${String(pattern)} in:\n${output}`,
        () => pattern.exec(output) ?? false,
      )
    return { child, exited, says, output: () => output }
  }

  // The one hook of a checkout: hooks run in the order of their registration.
  t.after(async () => {
    const pids = [pidIn(pidFile), ...children.map((child) => child.pid)]
    for (const pid of pids)
      if (pid !== undefined && pid !== process.pid && isAlive(pid)) process.kill(pid, 'SIGKILL')
    await until('Redis has ended', () => pidIn(redisPidFile) === undefined)
    fs.rmSync(dir, { recursive: true, force: true })
  })

  /** Started, with the process ids of service and Redis. */
  async function started() {
    const run = start()
    await run.says(/Stop it/)
    const [service, redis] = [pidIn(pidFile), pidIn(redisPidFile)]
    assert.ok(service !== undefined && redis !== undefined)
    return { ...run, pid: run.child.pid ?? 0, service, redis }
  }
  return { dir, pidFile, start, started, port: env.PORT }
}

test('prints what to try next: three curl lines, the documentation, how to stop', async (t) => {
  const { started, port, pidFile } = await checkout(t)
  const run = await started()
  assert.equal(run.output().match(/^ {2}curl .*\/v1\/containers\/c-1/gm)?.length, 3)
  assert.ok(run.output().includes(`http://127.0.0.1:${port}/docs`))
  assert.ok(run.output().includes(`kill -TERM $(cat ${pidFile})`) || run.output().includes(pidFile))
  assert.ok(run.output().split('\n').length < 24)
})

test('with tokens the curl lines have a header and show no token', async (t) => {
  const token = 'a-token-of-20-letters'
  const { started } = await checkout(t, { API_TOKENS: token })
  const run = await started()
  const lines = run.output().match(/^ {2}curl -H "Authorization: Bearer \$TOKEN" .*\/v1\/containers\/c-1/gm)
  assert.equal(lines?.length, 3)
  assert.match(run.output(), /TOKEN is one of API_TOKENS/)
  assert.ok(!run.output().includes(token))
})

for (const [how, signal] of [
  ['Ctrl-C', 'SIGINT'],
  ['SIGTERM for the whole group', 'SIGTERM'],
] as const) {
  test(`${how} reaches the service once, Redis outlives it, and its exit code is kept`, async (t) => {
    const { started } = await checkout(t)
    const run = await started()
    process.kill(-run.pid, signal)
    assert.deepEqual(await run.exited, [7, null])
    assert.match(
      run.output(),
      new RegExp(`signal 1: ${signal}\n(?!signal)[\\s\\S]*redis at the end: \\+PONG`),
    )
    assert.ok(!isAlive(run.redis))
  })
}

test('a second signal is passed on too', async (t) => {
  const { started } = await checkout(t)
  const run = await started()
  process.kill(run.pid, 'SIGTERM')
  await run.says(/signal 1: SIGTERM/)
  process.kill(run.pid, 'SIGINT')
  await run.says(/signal 2: SIGINT/)
  assert.deepEqual(await run.exited, [7, null])
})

test('Redis ends when the service is killed', async (t) => {
  const { started } = await checkout(t)
  const run = await started()
  process.kill(run.service, 'SIGKILL')
  assert.deepEqual(await run.exited, [137, null])
  assert.ok(!isAlive(run.redis))
})

test('when start.sh is killed, service and Redis go on, and Redis ends with the service', async (t) => {
  const { started, pidFile } = await checkout(t)
  const run = await started()
  process.kill(run.pid, 'SIGKILL')
  await once(run.child, 'exit')
  assert.ok(isAlive(run.service) && isAlive(run.redis))
  process.kill(run.service, 'SIGTERM')
  await run.says(/redis at the end: \+PONG/)
  await until('Redis has ended', () => !isAlive(run.redis))
  assert.ok(!fs.existsSync(pidFile))
})

test('a second start says who runs already', async (t) => {
  const { start, started } = await checkout(t)
  const first = await started()
  const second = start()
  assert.deepEqual(await second.exited, [1, null])
  assert.match(
    second.output(),
    new RegExp(`^Baton already runs as PID ${first.service} \\(.*src/main\\.ts\\)`),
  )
  assert.ok(isAlive(first.service) && isAlive(first.redis))
})

test('data that another Redis serves is refused, with its PID', async (t) => {
  const { start, started, pidFile } = await checkout(t)
  const first = await started()
  fs.writeFileSync(pidFile, '')
  const second = start()
  assert.deepEqual(await second.exited, [1, null])
  assert.match(second.output(), new RegExp(`in use by Redis, PID ${first.redis}`))
  fs.writeFileSync(pidFile, String(first.service))
})

for (const [what, pid] of [
  ['of a process that has ended', '999999999'],
  ['of a process that is not Baton', String(process.pid)],
  ['with no number', 'x'],
] as const) {
  test(`a PID file ${what} is no obstacle`, async (t) => {
    const { started, pidFile } = await checkout(t)
    fs.writeFileSync(pidFile, pid)
    const run = await started()
    assert.notEqual(String(run.service), pid)
  })
}

test('what answers on a port that is taken is not announced', async (t) => {
  const { start, port } = await checkout(t)
  const other = createServer((_, response) => response.end()).listen(Number(port), '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  const run = start()
  assert.notDeepEqual(await run.exited, [0, null])
  assert.match(run.output(), /EADDRINUSE/)
  assert.doesNotMatch(run.output(), /Stop it/)
})

test('an append-only file that is damaged is reported, and nothing is left running', async (t) => {
  const { dir, start } = await checkout(t)
  fs.mkdirSync(join(dir, 'data/redis/appendonlydir'), { recursive: true })
  fs.writeFileSync(join(dir, 'data/redis/appendonlydir/appendonly.aof.manifest'), 'nonsense\n')
  const run = start()
  assert.deepEqual(await run.exited, [1, null])
  assert.match(run.output(), /Redis did not start/)
})
