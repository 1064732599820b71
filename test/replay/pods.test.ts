import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { type BatonEvent, type ConnectionState, type EventItem, createBatonClient } from 'baton/client'
import { assertContiguous, createClient, until } from '../support/client.ts'
import { freePort, startRedis } from '../support/redis.ts'
import { type TestService, startService } from '../support/service.ts'
import { type Position, type Reader, createRandom, openReader } from './support.ts'

const containers = ['a', 'b', 'c']
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
const restarts = Number(process.env.RESTARTS ?? 3)

test('pods that are restarted and clients that drop out see every event once and in order', async (t) => {
  t.diagnostic(`SEED=${seed}`)
  const random = createRandom(seed)
  const redis = await startRedis(t)
  const ports = [String(await freePort()), String(await freePort())]
  const urls = ports.map((port) => `http://127.0.0.1:${port}`)
  const start = (n: number) =>
    startService(t, {
      redis,
      env: { PORT: ports[n] ?? '', POD_NAME: `pod-${n}`, WORKERS_BUDGET_SECONDS: '2' },
    })
  const pods: TestService[] = await Promise.all([start(0), start(1)])
  const baton = createBatonClient({ url: urls, retryMs: 60_000 })
  for (const id of containers) await baton.register(id)
  let isOver = false

  /** Work goes on all the time. */
  async function work(containerId: string) {
    const ids: string[] = []
    while (!isOver) {
      const text = `bytes ${random.below(3000)}; sleep ${random.below(300)}ms; say ${ids.length}`
      ids.push((await baton.submit(containerId, text)).id)
      await setTimeout(100 + random.below(200))
    }
    return ids
  }

  /** A client of the bare protocol: cut off at random, it comes back anywhere, with its cursors or with older ones. */
  async function drop() {
    const epoch = (await createClient(urls.find((_, n) => isUp(n)) ?? '').events('a'))[0]?.epoch
    const seen = new Map<string, Position>(containers.map((id) => [id, { epoch, seq: 0 }]))
    let events = 0
    let reader: Reader | undefined
    const change = () => {
      reader?.drop()
      reader?.check()
      assert.equal(reader?.gaps() ?? 0, 0, 'nothing is lost, so there is no gap')
      events += reader?.events() ?? 0
      for (const [id, position] of reader?.positions() ?? [])
        if (position.seq > (seen.get(id)?.seq ?? 0)) seen.set(id, position)
      const starts = random.isLucky(0.3)
        ? new Map([...seen].map(([id, { seq }]) => [id, { epoch, seq: random.below(seq + 1) }]))
        : (reader?.positions() ?? seen)
      reader = openReader(random.pick(urls), starts)
    }
    change()
    while (!isOver) {
      await setTimeout(random.below(400))
      reader?.check()
      if (reader?.isClosed() || random.isLucky(0.3)) change()
    }
    return { change, reader: () => reader, events: () => events }
  }

  const isUp = (n: number) => pods[n]?.lines.every(({ msg }) => msg !== 'WebSocket server closed') ?? false
  const stop = new AbortController()
  const items: EventItem[] = []
  const states: ConnectionState[] = []
  /** The package's own client, over everything. */
  const iterating = (async () => {
    const wanted = containers.map((containerId) => ({ containerId, afterSeq: 0 }))
    const onState = (state: ConnectionState) => states.push(state)
    for await (const item of baton.events({ containers: wanted, signal: stop.signal, onState }))
      items.push(item)
  })()
  const working = Promise.all(containers.map(work))
  const dropping = Promise.all(Array.from({ length: 5 }, drop))
  // Their failure is that of the test, below; until then nobody looks.
  for (const promise of [iterating, working, dropping]) promise.catch(() => {})

  for (let n = 0; n < restarts; n += 1) {
    await setTimeout(500 + random.below(1500))
    const which = random.below(2)
    pods[which]?.signal(random.isLucky(0.5) ? 'SIGTERM' : 'SIGKILL')
    await pods[which]?.exited
    pods[which] = await start(which)
  }
  isOver = true
  const submitted = await working
  const last = await dropping

  for (const [n, ids] of submitted.entries())
    for (const id of ids)
      await until(
        'it has succeeded',
        async () => (await baton.instruction(containers[n] ?? '', id)).state === 'succeeded',
      )
  const heads = new Map<string, number>()
  for (const [n, id] of containers.entries()) {
    const events = await createClient(urls[0] ?? '').events(id)
    assertContiguous(events)
    const queued = events.filter(({ type }) => type === 'instruction.queued')
    const accepted = queued.map(({ instructionId }) => String(instructionId))
    assert.equal(accepted.length, submitted[n]?.length)
    assert.deepEqual(new Set(accepted), new Set(submitted[n]), 'each submit was accepted once')
    heads.set(id, events.length)
  }
  for (const client of last) {
    await until('the client has everything', () => {
      if (client.reader()?.isClosed()) client.change()
      client.reader()?.check()
      const positions = client.reader()?.positions()
      return containers.every((id) => positions?.get(id)?.seq === heads.get(id))
    })
    client.reader()?.drop()
  }
  const ofContainer = (id: string) =>
    items.filter((item): item is BatonEvent => 'seq' in item && item.containerId === id)
  await until('the iterator has everything', () =>
    containers.every((id) => ofContainer(id).length >= (heads.get(id) ?? 0)),
  )
  stop.abort()
  await iterating
  for (const id of containers) assertContiguous(ofContainer(id))
  assert.ok(items.every(({ type }) => type !== 'replay.gap'))
  const reconnects = states.filter(({ kind }) => kind === 'reconnecting').length
  const events = last.reduce((sum, client) => sum + client.events(), 0)
  t.diagnostic(
    `${items.length} events, ${reconnects} reconnects of the iterator, ${events} events replayed to others`,
  )
})
