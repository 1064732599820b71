import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpDeps } from '../../src/http/deps.ts'
import type { Problem } from '../../src/http/problem.ts'
import { instructionA, queued, started } from '../history/support.ts'
import { until } from '../support/client.ts'
import { registered, says, startHttp } from './support.ts'

test('a start answers what became of it: the session, why there is none, or still at it', async (t) => {
  let requested = () => {}
  const http = await startHttp(t, {
    deps: {
      control: {
        async request() {
          http.write('c-1', ['daemon.start_requested'])
          const { headSeq } = http.history.bounds('c-1')
          requested()
          return { seq: headSeq }
        },
      },
    },
  })
  // An earlier start is not taken for the answer to this one.
  http.write('c-1', registered, ['daemon.start_failed', { error: { code: 'x', message: 'an earlier one' } }])
  const start = () => http.app.inject({ method: 'POST', url: '/v1/containers/c-1/start' })
  const error = { code: 'start_failed', message: 'it ended with 3' }
  requested = () => http.write('c-1', ['daemon.start_failed', { error, stderr: ['no key', 'given'] }])
  const failed = await start()
  assert.equal(failed.statusCode, 502)
  assert.equal(failed.json<Problem>().detail, 'it ended with 3\nno key\ngiven')

  requested = () => {}
  const pending = start()
  await until('it is in flight', () => http.inFlight.count() === 1)
  http.drain.begin()
  http.drain.closeForWrites()
  const closedAt = performance.now()
  assert.equal((await pending).statusCode, 202)
  assert.ok(performance.now() - closedAt < 500, 'it waits no more for an owner')
  assert.ok(await http.inFlight.idle(1000))
  const refused = await start()
  assert.equal(`${refused.statusCode} ${refused.json<Problem>().code}`, '503 draining')
  assert.ok(Number(refused.headers['retry-after']) > 0)
  assert.equal(refused.headers.connection, 'close')
})

test('a decision is one: to ask again is refused', async (t) => {
  const decided: string[] = []
  const instructions = {
    async decide(_containerId: string, _id: string, policy: string) {
      decided.push(policy)
      http.write('c-1', ['instruction.decided', { resumePolicy: policy }, instructionA])
      return { seq: http.history.bounds('c-1').headSeq }
    },
  }
  const http = await startHttp(t, { deps: { instructions: instructions as HttpDeps['instructions'] } })
  const interrupted = { cause: 'crash', pod: 'p', state: 'needs_decision' }
  http.write('c-1', registered, queued(), started(), ['instruction.interrupted', interrupted, instructionA])
  const url = `/v1/containers/c-1/instructions/${instructionA}/retry`
  const refused = await http.app.inject({ method: 'POST', url, payload: { resumePolicy: 'ask' } })
  assert.equal(`${refused.statusCode} ${refused.json<Problem>().code}`, '400 validation_failed')
  const taken = await http.app.inject({ method: 'POST', url, payload: { resumePolicy: 'restart' } })
  assert.equal(taken.statusCode, 200)
  assert.deepEqual(decided, ['restart'])
})

test('in the drain window every answer closes its connection, and only traffic counts as late', async (t) => {
  const http = await startHttp(t, { drainMs: 100 })
  http.write('c-1', registered)
  assert.notEqual((await http.app.inject('/v1/containers/c-1')).headers.connection, 'close')
  http.drain.begin()
  assert.equal((await http.app.inject('/v1/containers/c-1')).headers.connection, 'close')
  const late = () => http.drain.lateRequests()
  await until('the last fifth', async () => {
    assert.equal((await http.app.inject('/v1/containers/c-1')).statusCode, 200)
    return late() > 0
  })
  const before = late()
  for (const url of ['/livez?x', '/readyz', '/startupz', '/metrics', '/version']) await http.app.inject(url)
  assert.equal(late(), before)
  assert.match(await http.metrics.registry.metrics(), /^baton_late_requests_total [1-9]/m)
})

test('readiness is one round for all who ask while a slow check runs, and half a second longer', async (t) => {
  let asked = 0
  const hang = Promise.withResolvers<void>()
  const check = () => {
    asked += 1
    return hang.promise
  }
  const { app } = await startHttp(t, { checks: [{ name: 'redis', check }] })
  let isAnswered = false
  const first = app.inject('/readyz?verbose').then((answer) => {
    isAnswered = true
    return answer
  })
  const others: (typeof first)[] = []
  await until('the first has its answer', () => {
    others.push(app.inject('/readyz').then((answer) => answer))
    return isAnswered
  })
  for (const answer of await Promise.all([first, ...others])) {
    assert.equal(answer.statusCode, 503)
    assert.deepEqual(answer.json(), {
      status: 'unready',
      checks: { redis: { ok: false, error: 'no answer within 1000 ms' } },
    })
  }
  await app.inject('/readyz')
  assert.equal(asked, 1)
  hang.resolve()
  await until('ready', async () => (await app.inject('/readyz')).statusCode === 200)
  assert.equal(asked, 2)
})

test('before everything has started the startup probe and readiness say so, and liveness does not care', async (t) => {
  let isStarted = false
  const check = () => {
    throw new Error('no Redis')
  }
  const { app } = await startHttp(t, { isStarted: () => isStarted, checks: [{ name: 'redis', check }] })
  const statuses = async () =>
    Promise.all(['/livez?a', '/startupz?b'].map(async (url) => (await app.inject(url)).statusCode))
  assert.deepEqual(await statuses(), [200, 503])
  isStarted = true
  assert.deepEqual(await statuses(), [200, 200])
})

test('an event stream tells gaps, ends with the sockets, and none begins after that', async (t) => {
  const http = await startHttp(t)
  http.write('c-1', registered)
  http.skip('c-1', 4)
  http.write('c-1', says('six'))
  const path = `${http.url}/v1/containers/c-1/events/stream?afterSeq=1`
  const response = await fetch(path)
  let text = ''
  const ended = (async () => {
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString()
  })()
  await until('live', () => text.includes(': live'))
  http.write('c-1', says('seven'))
  await until('the live event', () => text.includes('id: epoch-1:7'))
  http.sockets.quiet()
  http.streams.endAll(() => 123)
  await ended
  const gap = { containerId: 'c-1', from: 2, to: 5, oldestSeq: 6, epoch: 'epoch-1' }
  assert.ok(text.includes(`event: replay.gap\ndata: ${JSON.stringify(gap)}\n\n`))
  assert.deepEqual(
    [...text.matchAll(/^id: (.+)$/gm)].map(([, id]) => id),
    ['epoch-1:5', 'epoch-1:6', 'epoch-1:7'],
  )
  assert.match(
    text,
    /event: service\.draining\ndata: \{"deadline":"[^"]+Z","retryAfterMs":\d+\}\n\nretry: 123\n\n$/,
  )
  assert.equal((await fetch(path)).status, 503)
})
