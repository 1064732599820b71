import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startHistory } from '../history/support.ts'
import { startScripts } from '../support/scripts.ts'

type Scripts = Awaited<ReturnType<typeof startScripts>>

const move = ({ run }: Scripts, id: string, position: number) => run('edit', 'a', id, '', '', '', position)
const order = ({ redis }: Scripts) => redis.zrange('{baton}:pending:a', '0', '-1')

async function queueOf(scripts: Scripts, ...ids: string[]) {
  const generation = await scripts.own('a', 'pod-1')
  for (const id of ids) await scripts.accept('a', id)
  return (id: string) => scripts.run('start', 'a', 'pod-1', generation, id, `run of ${id}`, 's', 0)
}

test('an instruction moves to any place, and the nearest one when there is no such place', async (t) => {
  const scripts = await startScripts(t)
  await queueOf(scripts, 'i1', 'i2', 'i3', 'i4')
  await move(scripts, 'i4', 0)
  assert.deepEqual(await order(scripts), ['i4', 'i1', 'i2', 'i3'])
  await move(scripts, 'i4', 2)
  assert.deepEqual(await order(scripts), ['i1', 'i2', 'i4', 'i3'])
  await move(scripts, 'i1', 99)
  assert.deepEqual(await order(scripts), ['i2', 'i4', 'i3', 'i1'])
  await scripts.accept('a', 'i5')
  assert.deepEqual(await order(scripts), ['i2', 'i4', 'i3', 'i1', 'i5'])
  const before = (await scripts.journal()).length
  await move(scripts, 'i4', 1)
  assert.equal((await scripts.journal()).length, before, 'a move to where it is says nothing')
})

test('what has begun keeps its text and the first place', async (t) => {
  const scripts = await startScripts(t)
  const start = await queueOf(scripts, 'i1', 'i2', 'i3')
  const { run } = scripts
  await start('i1')
  const begun = async () => {
    assert.deepEqual(await run('edit', 'a', 'i1', 'other', '', '{}', ''), ['instruction_not_queued'])
    assert.deepEqual(await move(scripts, 'i1', 2), ['instruction_not_queued'])
    await move(scripts, 'i3', 0)
    assert.deepEqual(await order(scripts), ['i1', 'i3', 'i2'])
    await move(scripts, 'i2', 0)
    assert.deepEqual(await order(scripts), ['i1', 'i2', 'i3'])
  }
  await begun()
  await run('interrupt', 'a', 'pod-1', 1, 'i1', 'run of i1', 'drain', 3)
  await begun()
  assert.equal((await start('i1'))[1], 'text of i1')
  assert.deepEqual(await run('edit', 'b', 'i2', 'other', '', '{}', ''), ['gone'])
  assert.deepEqual(await run('edit', 'a', 'unknown', 'other', '', '{}', ''), ['gone'])
})

test('the text that starts is the one that was last accepted', async (t) => {
  const scripts = await startScripts(t)
  const start = await queueOf(scripts, 'i1')
  await scripts.run('edit', 'a', 'i1', 'other', 'ask', '{"text":"other","resumePolicy":"ask"}', '')
  assert.equal((await start('i1'))[1], 'other')
  const edited = (await scripts.journal()).find(({ type }) => type === 'instruction.edited')
  assert.deepEqual(edited?.data, { text: 'other', resumePolicy: 'ask' })
})

test('moving to the front again and again never runs out of numbers between the places', async (t) => {
  const scripts = await startScripts(t)
  const start = await queueOf(scripts, 'i0', 'i1', 'i2', 'i3')
  await start('i0')
  const expected = ['i1', 'i2', 'i3']
  for (let n = 0; n < 300; n += 1) {
    const last = expected.pop() ?? ''
    expected.unshift(last)
    await move(scripts, last, 1)
    assert.deepEqual(await order(scripts), ['i0', ...expected])
  }
  const { history } = await startHistory(t)
  await project(scripts, history)
  assert.deepEqual(
    history.queue('a').items.map(({ id }) => id),
    expected,
  )
})

test('after any history of a queue, SQLite and Redis agree on its order and positions', async (t) => {
  const scripts = await startScripts(t)
  const { history } = await startHistory(t)
  const start = await queueOf(scripts)
  let seed = 20_261_123
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((seed / 2 ** 31) * below)
  }
  for (let n = 0; n < 600; n += 1) {
    const ids = await order(scripts)
    const id = ids[random(ids.length)] ?? ''
    const step = random(10)
    if (ids.length < 3 || step < 3) await scripts.accept('a', `i${n}`)
    else if (step < 7) await move(scripts, id, random(ids.length + 2))
    else if (step === 7) await scripts.run('cancel', 'a', id, '1')
    else if (step === 8) await start(ids[0] ?? '')
    else await scripts.run('finish', 'a', 'pod-1', 1, id, `run of ${id}`, 'instruction.succeeded', '{}')
  }
  const ids = await order(scripts)
  assert.ok(ids.length > 2)
  await project(scripts, history)
  const unfinished = history.unfinished()
  assert.deepEqual(
    unfinished.map(({ id, position }) => [id, position]),
    ids.map((id, position) => [id, position]),
  )
})

async function project({ redis }: Scripts, history: Awaited<ReturnType<typeof startHistory>>['history']) {
  const { decodeEntry } = await import('../../src/journal/entry.ts')
  const entries = await redis.xrange('{baton}:journal', '-', '+')
  history.apply(entries.map(([id, fields]) => decodeEntry(id, fields)))
}
