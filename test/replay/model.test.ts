import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { startMs } from '../history/support.ts'
import { registered, says, startHttp } from '../http/support.ts'
import { until } from '../support/client.ts'
import { type Position, type Reader, createRandom, openReader } from './support.ts'

const containers = ['a', 'b', 'c']
const firstSeed = Number(process.env.SEED ?? 1)
const runs = Number(process.env.RUNS ?? 5)

/** Random events, disconnects and cursors; with `losses` also holes in the journal, pruning and new epochs. */
async function run(t: TestContext, seed: number, losses: boolean) {
  const random = createRandom(seed)
  const http = await startHttp(t)
  let epoch = 1
  let readers: Reader[] = []
  let gaps = 0
  let events = 0
  let written = 0
  const write = (id: string, count: number) => {
    http.write(
      id,
      ...Array.from({ length: count }, (_, n) => says('x'.repeat(random.below(n === 0 ? 50_000 : 200)))),
    )
    written += count
  }
  for (const id of containers) http.write(id, registered)
  const fresh = (): Map<string, Position> =>
    new Map(
      containers.map((id) => {
        const { headSeq } = http.history.bounds(id)
        return [id, { epoch: `epoch-${epoch}`, seq: random.below(headSeq + 1) }]
      }),
    )
  function open(starts: ReadonlyMap<string, Position>) {
    readers.push(openReader(http.url, starts))
  }
  function close(reader: Reader) {
    reader.drop()
    reader.check()
    gaps += reader.gaps()
    events += reader.events()
    readers = readers.filter((other) => other !== reader)
  }

  for (let n = 0; n < 4; n += 1) open(fresh())
  for (let step = 0; step < 150; step += 1) {
    const reader = random.pick(readers)
    switch (random.below(losses ? 12 : 9)) {
      case 0:
      case 1:
        // It comes back with its cursors, wherever it was cut off.
        close(reader)
        open(reader.positions())
        break
      case 2:
        // One from the past, of this epoch.
        close(reader)
        open(fresh())
        break
      case 9:
        http.skip(random.pick(containers), 1 + random.below(5))
        break
      case 10:
        http.history.prune(new Date(startMs + random.below(written + 4)), 1 + random.below(100))
        break
      case 11:
        if (!random.isLucky(0.15)) break
        epoch += 1
        http.newEpoch(`epoch-${epoch}`)
        for (const id of containers) http.write(id, registered)
        break
      default:
        write(random.pick(containers), 1 + random.below(30))
    }
    if (random.isLucky(0.3)) await setTimeout(random.below(4))
    else if (random.isLucky(0.5)) await setImmediate()
    for (const one of readers) one.check()
  }
  for (const id of containers) write(id, 1)
  const heads = containers.map((id) => ({
    id,
    epoch: `epoch-${epoch}`,
    seq: http.history.bounds(id).headSeq,
  }))
  for (const reader of readers) {
    await until(`a reader of seed ${seed} has everything`, () => {
      reader.check()
      const positions = reader.positions()
      return heads.every(
        (head) => positions.get(head.id)?.seq === head.seq && positions.get(head.id)?.epoch === head.epoch,
      )
    })
  }
  for (const reader of readers) close(reader)
  return { gaps, events }
}

test('whatever is cut off and whichever past a cursor is from, every event comes once and in order', async (t) => {
  let events = 0
  for (let seed = firstSeed; seed < firstSeed + runs; seed += 1) {
    const seen = await run(t, seed, false)
    assert.equal(seen.gaps, 0, `seed ${seed}: nothing was lost, so there is no gap`)
    events += seen.events
  }
  assert.ok(events > 1000 * runs, `${events} events`)
  t.diagnostic(`${events} events in ${runs} runs from seed ${firstSeed}`)
})

test('what is trimmed, lost or of another epoch is an explicit gap, exactly as large as the loss', async (t) => {
  let gaps = 0
  let events = 0
  for (let seed = firstSeed; seed < firstSeed + runs; seed += 1) {
    const seen = await run(t, seed, true)
    gaps += seen.gaps
    events += seen.events
  }
  assert.ok(gaps > runs, `${gaps} gaps`)
  t.diagnostic(`${events} events and ${gaps} gaps in ${runs} runs from seed ${firstSeed}`)
})
