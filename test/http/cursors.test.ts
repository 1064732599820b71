import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/client.ts'
import { type TestHttp, connect, registered, says, startHttp } from './support.ts'

/** What an event stream sends until it is live. */
async function missed(http: TestHttp, headers: Record<string, string>, query = '') {
  const response = await fetch(`${http.url}/v1/containers/c-1/events/stream${query}`, { headers })
  if (response.status !== 200) return { status: response.status, ids: [], gaps: [] }
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString()
    if (text.includes(': live')) break
  }
  const gaps = [...text.matchAll(/event: replay\.gap\ndata: (.*)\n/g)]
  return {
    status: response.status,
    ids: [...text.matchAll(/^id: (.*)\nevent: (?!replay)/gm)].map(([, id]) => id),
    gaps: gaps.map(([, json = '']) => JSON.parse(json) as { from: number; to: number; epoch: string }),
  }
}

test('the id of an event carries its epoch, and one of another epoch is a gap', async (t) => {
  const http = await startHttp(t)
  http.write('c-1', registered, says('one'), says('two'))
  const known = await missed(http, { 'last-event-id': 'epoch-1:2' })
  assert.deepEqual([known.ids, known.gaps], [['epoch-1:3'], []])
  const bare = await missed(http, { 'last-event-id': '2' })
  assert.deepEqual([bare.ids, bare.gaps], [['epoch-1:3'], []])
  const other = await missed(http, { 'last-event-id': 'epoch-0:2' })
  assert.deepEqual(other.ids, ['epoch-1:1', 'epoch-1:2', 'epoch-1:3'])
  assert.deepEqual(other.gaps, [{ containerId: 'c-1', from: 1, to: 0, oldestSeq: 1, epoch: 'epoch-1' }])
  const first = await missed(http, { 'last-event-id': 'epoch-1:2' }, '?afterSeq=0')
  assert.deepEqual(first.ids, ['epoch-1:3'], 'the id goes before the address')
  for (const id of ['x', 'a:b', ':1', `${'e'.repeat(65)}:1`, '1:'])
    assert.equal((await missed(http, { 'last-event-id': id })).status, 400, id)
})

test('a cursor from a pod that is further waits for this one instead of being a gap', async (t) => {
  const http = await startHttp(t, {
    deps: {
      tail: {
        async caughtUp() {
          http.write('c-1', says('three'), says('four'))
        },
      },
    },
  })
  http.write('c-1', registered, says('two'))
  const client = await connect(t, http.url)
  client.ask({ op: 'subscribe', containerId: 'c-1', afterSeq: 3, epoch: 'epoch-1' })
  await until('live', () => client.of('live').length === 1)
  assert.deepEqual([client.seqs(), client.of('replay.gap')], [[4], []])
})

test('a pod that cannot know whether it is behind says so, and names no gap', async (t) => {
  const http = await startHttp(t, {
    deps: {
      tail: {
        async caughtUp() {
          throw new Error('Redis does not answer')
        },
      },
    },
  })
  http.write('c-1', registered)
  const client = await connect(t, http.url)
  client.ask({ op: 'subscribe', containerId: 'c-1', afterSeq: 3, epoch: 'epoch-1' })
  await until('the error', () => client.of('error').length === 1)
  assert.deepEqual(
    client.frames.map(({ op, code }) => `${String(op)} ${String(code)}`),
    ['error history_unavailable'],
  )
  assert.equal((await missed(http, { 'last-event-id': 'epoch-1:3' })).status, 503)
  client.ask({ op: 'subscribe', containerId: 'c-1', afterSeq: 0, epoch: 'epoch-1' })
  await until('what it has can be had', () => client.seqs().length === 1)
})
