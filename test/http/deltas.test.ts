import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/client.ts'
import { connect, registered, says, startHttp } from './support.ts'

const delta = (text: string) => ({
  containerId: 'c-1',
  instructionId: null,
  data: { kind: 'text' as const, text },
})

test('deltas go to who asked for them, and end with the subscription', async (t) => {
  const http = await startHttp(t)
  http.write('c-1', registered)
  const asking = await connect(t, http.url)
  const other = await connect(t, http.url)
  asking.ask({ op: 'subscribe', containerId: 'c-1', deltas: true })
  other.ask({ op: 'subscribe', containerId: 'c-1' })
  for (const client of [asking, other]) await until('live', () => client.of('live').length === 1)
  assert.equal(http.listeners(), 1)
  http.delta(delta('hel'))
  http.delta(delta('lo'))
  http.write('c-1', says('hello'))
  for (const client of [asking, other]) await until('the whole', () => client.seqs().length === 1)
  assert.deepEqual(asking.of('delta'), [
    { op: 'delta', ...delta('hel') },
    { op: 'delta', ...delta('lo') },
  ])
  assert.deepEqual(other.of('delta'), [])
  asking.ask({ op: 'subscribe', containerId: 'c-1', deltas: true })
  await until('anew', () => asking.of('live').length === 2)
  assert.equal(http.listeners(), 1)
  asking.ask({ op: 'unsubscribe', containerId: 'c-1' })
  await until('unsubscribed', () => http.listeners() === 0)
})

test('a client that is 256 KB behind loses deltas and no event', async (t) => {
  const http = await startHttp(t)
  http.write('c-1', registered)
  const client = await connect(t, http.url)
  client.ask({ op: 'subscribe', containerId: 'c-1', deltas: true })
  await until('live', () => client.of('live').length === 1)
  client.socket.pause()
  const large = 'x'.repeat(100_000)
  const waiting = () => http.connections().at(-1)?.writableLength ?? 0
  let written = 0
  // The kernel takes some megabytes before anything waits here.
  await until('it is behind', () => {
    if (waiting() > 256 * 1024) return true
    http.write('c-1', says(large))
    written += 1
    return false
  })
  const before = waiting()
  for (let n = 0; n < 50; n += 1) http.delta(delta(large))
  assert.equal(waiting(), before)
  client.socket.resume()
  await until('all events', () => client.seqs().length === written)
  assert.deepEqual(client.of('delta'), [])
  http.delta(delta('again'))
  await until('the next delta', () => client.of('delta').length === 1)
})

test('an event stream has them too, without an id', async (t) => {
  const http = await startHttp(t)
  http.write('c-1', registered)
  const abort = new AbortController()
  t.after(() => abort.abort())
  const response = await fetch(`${http.url}/v1/containers/c-1/events/stream?deltas=true`, {
    signal: abort.signal,
  })
  http.delta(delta('hello'))
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString()
    if (text.includes('agent.delta')) break
  }
  assert.match(text, /\n\nevent: agent\.delta\ndata: \{"containerId":"c-1",.*"text":"hello"\}\}\n\n/)
  await until('its end is noticed', () => http.listeners() === 0)
})
