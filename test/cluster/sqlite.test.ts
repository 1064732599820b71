import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { startCluster } from '../support/cluster.ts'
import { until } from '../support/client.ts'
import { assertPromises } from '../support/promises.ts'
import { submitAllTheTime } from '../support/submitter.ts'

const cannotMount = process.getuid?.() === 0 ? false : 'mounting needs root'

/** A file system of its own for one data directory, gone with the test. */
async function mount(t: TestContext, ...args: string[]): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'baton-mount-'))
  execFileSync('mount', [...args, dir])
  // Registered before the pod that uses it: it is unmounted after that has ended.
  t.after(async () => {
    execFileSync('umount', ['--lazy', dir])
    await rm(dir, { recursive: true, force: true })
  })
  return dir
}

async function fileOf(t: TestContext, megabytes: number): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'baton-disk-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const file = join(dir, 'disk')
  await writeFile(file, '')
  await truncate(file, megabytes * 1024 * 1024)
  execFileSync('mkfs.ext4', ['-q', file])
  return file
}

test('a disk that is full: the pod says so, the others serve, and it catches up when there is room', {
  skip: cannotMount,
}, async (t) => {
  const full = await mount(t, '-t', 'tmpfs', '-o', 'size=4m', 'tmpfs')
  const cluster = await startCluster(t, { pods: 2 })
  const pod = await cluster.addPod({ DATA_DIR: full })
  await cluster.register('a')
  await cluster.register('b', pod.client)
  const running = await cluster.submit('b', 'sleep 1s', { via: pod })
  await pod.client.waitFor('b', running, 'running')
  const ballast = join(full, 'ballast')
  await writeFile(ballast, Buffer.alloc(8 * 1024 * 1024)).catch(() => {})
  const load = submitAllTheTime(cluster, 'a', { everyMs: 50, text: 'bytes 50000' })
  await pod.service.waitForLog('The journal is not projected, trying again')
  const unready = await until('it is unready', async () => {
    const answer = await pod.client.call('GET', '/readyz')
    const { checks }: { checks: { sqlite: { ok: boolean; error?: string } } } = answer.body
    return answer.status === 503 && checks
  })
  assert.equal(unready.sqlite.ok, false)
  assert.match(unready.sqlite.error ?? '', /full/)
  await load.stop()
  await cluster.submit('b', 'accepted by another')
  await rm(ballast)
  await until('it is ready again', async () => (await pod.client.call('GET', '/readyz')).status === 200)
  await assertPromises(cluster)
  const [other] = cluster.pods
  for (const containerId of ['a', 'b'])
    assert.deepEqual(await pod.client.events(containerId), await other?.client.events(containerId))
})

test('a corrupt file at the start is moved aside, said loudly and rebuilt from the journal', async (t) => {
  const cluster = await startCluster(t, { pods: 2 })
  const [first] = cluster.pods
  assert.ok(first)
  await cluster.register('a')
  for (const text of ['one', 'two', 'sleep 1s']) await cluster.submit('a', text)
  const dir = await mkdtemp(join(tmpdir(), 'baton-data-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  await writeFile(join(dir, 'baton.sqlite'), Buffer.alloc(64 * 1024, 'not a database '))
  const pod = await cluster.addPod({ DATA_DIR: dir })
  const said = await pod.service.waitForLog('SQLite was corrupt: it is rebuilt from the journal')
  assert.equal(said.level, 'error')
  assert.ok((await readdir(dir)).some((name) => name.startsWith('baton.sqlite.corrupt-')))
  await assertPromises(cluster)
  assert.deepEqual(await pod.client.events('a'), await first.client.events('a'))
})

test('a disk that stands still, again and again and then for 5 s: the pod is behind, and nothing is lost', {
  skip: cannotMount,
}, async (t) => {
  const slow = await mount(t, '-o', 'loop', await fileOf(t, 32))
  const freeze = () => execFileSync('fsfreeze', ['--freeze', slow])
  const thaw = () => execFileSync('fsfreeze', ['--unfreeze', slow])
  const cluster = await startCluster(t, { pods: 2 })
  const pod = await cluster.addPod({ DATA_DIR: slow })
  await cluster.register('a')
  await cluster.register('b', pod.client)
  await cluster.submit('b', 'sleep 4s', { via: pod })
  await cluster.submit('b', 'next', { via: pod })
  const others = { ...cluster, pods: cluster.pods.filter((one) => one !== pod) }
  const load = submitAllTheTime(others, 'a', { everyMs: 50 })
  for (const ms of [200, 200, 200, 200, 200, 5000]) {
    freeze()
    await setTimeout(ms).finally(thaw)
    await setTimeout(100)
  }
  await load.stop()
  assert.deepEqual(load.refusals, [])
  await until('it is ready again', async () => (await pod.client.call('GET', '/readyz')).status === 200)
  await assertPromises(cluster)
  for (const containerId of ['a', 'b'])
    assert.deepEqual(await pod.client.events(containerId), await others.pods[0]?.client.events(containerId))
})
