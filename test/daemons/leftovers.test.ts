import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { sweepLeftovers } from '../../src/daemons/daemons.ts'
import { createTreeKiller } from '../../src/daemons/process-tree.ts'
import { completed, isAlive, ledger, startDaemons, tempDir, until } from './support.ts'

test('finds and kills a tree with children of their own session, whose parent is gone', async (t) => {
  const daemonId = randomUUID()
  const script = 'setsid sh -c "sleep 300 & sleep 300" & (sleep 300 &) & sleep 300 & echo up; wait'
  const root = spawn('sh', ['-c', script], {
    detached: true,
    env: { ...process.env, BATON_DAEMON_ID: daemonId },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  t.after(() => root.kill('SIGKILL'))
  await once(root.stdout, 'data')
  root.kill('SIGKILL')
  await once(root, 'exit')
  const killer = createTreeKiller()
  const other = spawn('sleep', ['300'], { env: { ...process.env, BATON_DAEMON_ID: randomUUID() } })
  t.after(() => other.kill('SIGKILL'))
  assert.deepEqual(await killer.kill(() => ({ daemonId })), [])
  assert.ok(isAlive(other.pid as number))
})

test('a start ends the agent of a service that was killed, before it starts its own', async (t) => {
  const { session, agentPid, workspacesDir } = await killedService(t, 'ignore signals; sleep 60s')
  assert.ok(isAlive(agentPid))
  const { daemons } = startDaemons(t, { WORKSPACES_DIR: workspacesDir })
  const info = await daemons.ensure('c1', { id: session, isStarted: true })
  assert.equal(isAlive(agentPid), false)
  assert.equal(info.isResumed, true)
  const again = await daemons.run(
    'c1',
    { id: turnId, text: 'hi', mode: 'restart' },
    new AbortController().signal,
  )
  assert.equal(completed(again).result, 'Turn 1: hi')
})

test('the sweep ends every agent whose service is gone, and leaves alone those of a living one', async (t) => {
  const { agentPid, workspacesDir } = await killedService(t, 'ignore signals; sleep 60s')
  const { daemons, session } = startDaemons(t, { WORKSPACES_DIR: workspacesDir })
  await daemons.ensure('c2', session)
  assert.deepEqual(await sweepLeftovers(workspacesDir), ['c1'])
  assert.equal(isAlive(agentPid), false)
  assert.equal(await daemons.ping('c2', 1000), true)
  await daemons.stopOne('c2', 'requested')
  assert.equal(existsSync(join(workspacesDir, 'c2', '.baton', 'daemon.json')), false)
  assert.deepEqual(await sweepLeftovers(join(workspacesDir, 'missing')), [])
})

const turnId = '11111111-1111-4111-8111-111111111111'

/** A process that runs one turn in container c1 and is killed in the middle of it. */
async function killedService(t: TestContext, text: string) {
  const workspacesDir = tempDir(t)
  const service: ChildProcess = spawn(process.execPath, [
    join(import.meta.dirname, 'service.ts'),
    workspacesDir,
    turnId,
    text,
  ])
  t.after(() => service.kill('SIGKILL'))
  const [chunk] = (await once(service.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
  const { session, pid } = JSON.parse(String(chunk)) as { session: string; pid: number }
  t.after(() => isAlive(pid) && process.kill(pid, 'SIGKILL'))
  await until('running', () => ledger(join(workspacesDir, 'c1')).length === 1)
  const exited = once(service, 'exit')
  service.kill('SIGKILL')
  await exited
  return { session, agentPid: pid, workspacesDir }
}
