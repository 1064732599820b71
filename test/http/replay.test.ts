import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { until } from '../support/client.ts'
import { connect, registered, says, startHttp, upTo } from './support.ts'

test('events that come while a client replays reach it once and in order', async (t) => {
  const http = await startHttp(t)
  http.write('c-1', registered, ...Array.from({ length: 999 }, (_, n) => says(`old ${n}`)))
  const clients = await Promise.all(upTo(10).map(() => connect(t, http.url)))
  for (const client of clients) client.ask({ op: 'subscribe', containerId: 'c-1', afterSeq: 0 })
  for (let n = 0; n < 500; n += 1) {
    http.write('c-1', says(`new ${n}`))
    await setImmediate()
  }
  for (const client of clients) {
    await until('live and the last event', () => client.of('live').length > 0 && client.seqs().length >= 1500)
    assert.deepEqual(client.seqs(), upTo(1500))
    assert.equal(client.of('live').length, 1)
  }
})

test('a client that reads slowly is waited for while it replays, however large the events are', async (t) => {
  const http = await startHttp(t)
  const large = 'x'.repeat(200_000)
  http.write('c-1', registered, ...Array.from({ length: 149 }, () => says(large)))
  const client = await connect(t, http.url)
  client.socket.pause()
  client.ask({ op: 'subscribe', containerId: 'c-1', afterSeq: 0 })
  const waiting = () => http.connections().at(-1)?.writableLength ?? 0
  await until('its buffer is full', () => waiting() > 1_000_000)
  for (let n = 0; n < 20; n += 1) await setImmediate()
  assert.ok(waiting() < 2_000_000, `${waiting()} bytes wait`)
  client.socket.resume()
  await until('everything is replayed', () => client.of('live').length === 1)
  assert.deepEqual(client.seqs(), upTo(150))
})

test('a live client that does not read is closed with 1013, and is gone soon if it never answers', async (t) => {
  const http = await startHttp(t)
  http.write('c-1', registered)
  const clients = [await connect(t, http.url), await connect(t, http.url)] as const
  for (const client of clients) {
    client.ask({ op: 'subscribe', containerId: 'c-1' })
    await until('live', () => client.of('live').length === 1)
    client.socket.pause()
  }
  const large = 'x'.repeat(500_000)
  for (let n = 0; n < 40; n += 1) http.write('c-1', says(large))
  for (const { writableLength } of http.connections())
    assert.ok(writableLength > 4_000_000 && writableLength < 6_000_000, `${writableLength} bytes wait`)
  const [slow] = clients
  slow.socket.resume()
  assert.equal((await slow.closed).code, 1013)
  const seen = slow.seqs()
  assert.deepEqual(seen, upTo(seen.length + 1).slice(1))
  await until('the other one is gone', () => http.sockets.count() === 0, 5000)
})

test('a hole in what the history could read is a gap for live clients too', async (t) => {
  const http = await startHttp(t)
  http.write('c-1', registered, says('one'))
  const client = await connect(t, http.url)
  client.ask({ op: 'subscribe', containerId: 'c-1', afterSeq: 0 })
  await until('live', () => client.of('live').length === 1)
  http.skip('c-1', 5)
  http.write('c-1', says('behind the hole'))
  await until('the event', () => client.seqs().includes(8))
  assert.deepEqual(client.seqs(), [1, 2, 8])
  assert.deepEqual(client.of('replay.gap'), [
    { op: 'replay.gap', containerId: 'c-1', from: 3, to: 7, oldestSeq: 8, epoch: 'epoch-1' },
  ])
})

test('a new epoch is a gap, and its events are not taken for old ones', async (t) => {
  const http = await startHttp(t)
  http.write('c-1', registered, ...Array.from({ length: 20 }, () => says('before')))
  const client = await connect(t, http.url)
  client.ask({ op: 'subscribe', containerId: 'c-1' })
  await until('live', () => client.of('live').length === 1)
  http.newEpoch('epoch-2')
  http.write('c-1', registered, says('after'))
  await until('the events of the new epoch', () => client.seqs().length === 2)
  assert.deepEqual(client.seqs(), [1, 2])
  const [gap] = client.of('replay.gap')
  assert.equal(gap?.epoch, 'epoch-2')
  assert.equal(gap?.oldestSeq, 1)
})

test('a cursor before the oldest event, ahead of the head, or of another epoch is a gap', async (t) => {
  const http = await startHttp(t)
  http.write('c-1', registered, says('one'))
  http.skip('c-1', 8)
  http.write('c-1', says('eleven'), says('twelve'))
  const cursors = [
    [{ afterSeq: 3 }, { from: 4, to: 10 }],
    [{ afterSeq: 50 }, { from: 51, to: 10 }],
    [
      { afterSeq: 11, epoch: 'another' },
      { from: 1, to: 10 },
    ],
  ] as const
  for (const [cursor, gap] of cursors) {
    const client = await connect(t, http.url)
    client.ask({ op: 'subscribe', containerId: 'c-1', ...cursor })
    await until('live', () => client.of('live').length === 1)
    assert.deepEqual(client.of('replay.gap'), [
      { op: 'replay.gap', containerId: 'c-1', ...gap, oldestSeq: 11, epoch: 'epoch-1' },
    ])
    assert.deepEqual(client.seqs(), [11, 12])
  }
  const exact = await connect(t, http.url)
  exact.ask({ op: 'subscribe', containerId: 'c-1', afterSeq: 10, epoch: 'epoch-1' })
  await until('live', () => exact.of('live').length === 1)
  assert.deepEqual(exact.of('replay.gap'), [])
  assert.deepEqual(exact.seqs(), [11, 12])
})

test('subscribing again begins anew, with one stream of events', async (t) => {
  const http = await startHttp(t)
  http.write('c-1', registered, says('one'), says('two'))
  const client = await connect(t, http.url)
  client.ask({ op: 'subscribe', containerId: 'c-1', afterSeq: 0 })
  client.ask({ op: 'subscribe', containerId: 'c-1', afterSeq: 2 })
  client.ask({ op: 'ping' })
  await until('live', () => client.of('live').length >= 1 && client.of('pong').length === 1)
  http.write('c-1', says('live'))
  await until('the live event', () => client.seqs().includes(4))
  assert.deepEqual(
    client.seqs().filter((seq) => seq === 4),
    [4],
  )
  assert.equal(client.frames.at(-1)?.seq, 4)
})

test('all clients together hold back a bounded amount: those that are furthest behind are cut off', async (t) => {
  const http = await startHttp(t, { backlogBytes: 10_000_000 })
  const ids = upTo(8).map((n) => `c-${n}`)
  const clients = []
  for (const id of ids) {
    http.write(id, registered)
    const client = await connect(t, http.url)
    clients.push(client)
    client.ask({ op: 'subscribe', containerId: id })
    await until('live', () => client.of('live').length === 1)
    if (id !== 'c-1') client.socket.pause()
  }
  const [reader] = clients
  const waiting = () => http.connections().reduce((sum, { writableLength }) => sum + writableLength, 0)
  const large = 'x'.repeat(300_000)
  let most = 0
  for (let n = 0; n < 40; n += 1) {
    for (const id of ids) http.write(id, says(large))
    most = Math.max(most, http.unreadBytes())
    assert.ok(waiting() < 14_000_000, `${waiting()} bytes wait`)
    await until('the reader has read', () => reader?.seqs().length === n + 1)
  }
  assert.ok(http.sockets.count() < 8, 'some were cut off')
  assert.ok(most > 5_000_000 && most < 14_000_000, `${most} bytes at the most`)
  for (const { socket } of clients) socket.resume()
  await until('nothing waits any more', () => http.unreadBytes() === 0)
  assert.equal(reader?.socket.readyState, reader?.socket.OPEN)
})

test('an event that many clients are slow to read is in memory once', async (t) => {
  const http = await startHttp(t, { backlogBytes: 10_000_000 })
  http.write('c-1', registered)
  const clients = await Promise.all(upTo(20).map(() => connect(t, http.url)))
  for (const client of clients) {
    client.ask({ op: 'subscribe', containerId: 'c-1' })
    await until('live', () => client.of('live').length === 1)
    client.socket.pause()
  }
  const large = 'x'.repeat(300_000)
  const waiting = () => http.connections().reduce((sum, { writableLength }) => sum + writableLength, 0)
  let written = 0
  await until('three times the limit waits', () => {
    http.write('c-1', says(large))
    written += 1
    return waiting() > 30_000_000
  })
  assert.equal(http.sockets.count(), 20)
  for (const { socket } of clients) socket.resume()
  for (const client of clients) await until('all of it', () => client.seqs().length === written)
  assert.equal(http.unreadBytes(), 0)
})
