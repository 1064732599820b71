import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { startScripts } from '../support/scripts.ts'

const judge = 1
const anyway = 0

async function start(t: Parameters<typeof startScripts>[0]) {
  const scripts = await startScripts(t)
  const { run } = scripts
  /** A pod whose heartbeat has expired, without a goodbye. */
  async function die(pod: string) {
    await run('heartbeat', pod, 1, 0)
    await setTimeout(5)
  }
  return { ...scripts, die }
}

test('a container has one owner while its heartbeat lives', async (t) => {
  const { run, own } = await start(t)
  assert.equal(await own('a', 'pod-1'), 1)
  await run('heartbeat', 'pod-2', 60_000, 0)
  assert.deepEqual(await run('claim', 'a', 'pod-2', judge, anyway), ['taken', 'pod-1'])
  assert.deepEqual(await run('claim', 'a', 'pod-1', judge, anyway), ['ok', 1])
})

test('a dead owner loses its container, and the generation counts up', async (t) => {
  const { run, own, accept, die } = await start(t)
  await own('a', 'pod-1')
  await accept('a', 'i1')
  assert.deepEqual(await run('orphans', 10, judge), [])
  await die('pod-1')
  assert.deepEqual(await run('orphans', 10, judge), ['a'])
  assert.deepEqual(await run('claim', 'a', 'pod-2', judge, anyway), ['ok', 2])
})

test('a pod whose own link was away calls no other pod dead', async (t) => {
  const { run, own, accept, die } = await start(t)
  await own('a', 'pod-1')
  await accept('a', 'i1')
  await die('pod-1')
  assert.deepEqual(await run('orphans', 10, 0), [])
  assert.deepEqual(await run('claim', 'a', 'pod-2', 0, anyway), ['taken', 'pod-1'])
})

test('a pod that said goodbye needs no judgement', async (t) => {
  const { run, own, accept } = await start(t)
  await own('a', 'pod-1')
  await accept('a', 'i1')
  await run('leave', 'pod-1')
  assert.deepEqual(await run('orphans', 10, 0), ['a'])
  assert.deepEqual(await run('claim', 'a', 'pod-2', 0, anyway), ['ok', 2])
})

test('a claim for work is refused where there is none', async (t) => {
  const { run } = await start(t)
  await run('register', 'a')
  assert.deepEqual(await run('claim', 'a', 'pod-1', judge, 1), ['no_work'])
  assert.deepEqual(await run('claim', 'b', 'pod-1', judge, 1), ['container_not_found'])
})

test('a release frees only what is still owned', async (t) => {
  const { run, own } = await start(t)
  await own('a', 'pod-1')
  await own('b', 'pod-2')
  assert.deepEqual(await run('release', 'pod-1', 'a', 'b'), ['ok', 0])
  assert.deepEqual(await run('claim', 'a', 'pod-2', judge, anyway), ['ok', 2])
  assert.deepEqual(await run('claim', 'b', 'pod-1', judge, anyway), ['taken', 'pod-2'])
})

test('a release calls for owners of those containers that have work, and of no others', async (t) => {
  const { run, own, accept, journal } = await start(t)
  for (const container of ['a', 'b']) await own(container, 'pod-1')
  await own('c', 'pod-2')
  await accept('a', 'i1')
  await accept('c', 'i2')
  assert.deepEqual(await run('release', 'pod-1', 'a', 'b', 'c'), ['ok', 1])
  const calls = (await journal()).filter(({ type }) => type === 'service.owner_wanted')
  assert.deepEqual(
    calls.map(({ containerId, data }) => ({ containerId, data })),
    [{ containerId: null, data: { pod: 'pod-1', containers: ['a'] } }],
  )
})

test('a heartbeat tells the epoch, the time and who else lives', async (t) => {
  const { run, epoch, die } = await start(t)
  await die('pod-3')
  await run('heartbeat', 'pod-2', 60_000, 1)
  const [seen, now, ...pods] = await run('heartbeat', 'pod-1', 3000, 0)
  assert.equal(seen, epoch)
  assert.deepEqual(pods.slice(0, 3), ['pod-1', Number(now) + 3000, '0'])
  assert.deepEqual([pods[3], pods[5]], ['pod-2', '1'])
  assert.equal(pods.length, 6)
})

test('pods and what they own can be read', async (t) => {
  const { run, own } = await start(t)
  await own('a', 'pod-1')
  await run('heartbeat', 'pod-2', 60_000, 1)
  const [, pods, owners] = await run('pods')
  const names = (pods as [string, number, string][]).map(([pod, , draining]) => [pod, draining])
  assert.deepEqual(names, [
    ['pod-1', '0'],
    ['pod-2', '1'],
  ])
  assert.deepEqual(owners, ['a', 'pod-1'])
})
