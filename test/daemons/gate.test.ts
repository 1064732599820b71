import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGate } from '../../src/daemons/gate.ts'

test('so many run at once, the others in order as places come free, also after one that fails', async () => {
  const gate = createGate(2)
  const begun: number[] = []
  const pieces = [0, 1, 2, 3].map(() => Promise.withResolvers<number>())
  const all = pieces.map(({ promise }, index) =>
    gate(() => {
      begun.push(index)
      return promise
    }),
  )
  await Promise.resolve()
  assert.deepEqual(begun, [0, 1])
  pieces[1]?.reject(new Error('no'))
  await assert.rejects(all[1] ?? Promise.resolve(), /no/)
  assert.deepEqual(begun, [0, 1, 2])
  pieces[0]?.resolve(0)
  assert.equal(await all[0], 0)
  assert.deepEqual(begun, [0, 1, 2, 3])
  for (const { resolve } of pieces) resolve(7)
  assert.deepEqual(await Promise.all([all[2], all[3]]), [7, 7])
  assert.equal(await gate(() => Promise.resolve('again')), 'again')
})
