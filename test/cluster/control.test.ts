import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Pod, startCluster } from '../support/cluster.ts'
import { until } from '../support/client.ts'
import { assertPromises } from '../support/promises.ts'

interface Daemon {
  state: string
  sessionId: string | null
}

test('what is asked of any pod is done by the owner, and the answer says so', async (t) => {
  const cluster = await startCluster(t)
  const [owner, ...others] = cluster.pods
  const [second, third] = others
  assert.ok(owner && second && third)
  await cluster.register('a')
  const call = (pod: Pod, method: string, path: string, body?: unknown) =>
    pod.client.call(method, `/v1/containers/a${path}`, body)
  const run = async (text: string) => {
    const id = await cluster.submit('a', text, { via: owner })
    await owner.client.waitFor('a', id, 'running')
    assert.equal(await cluster.ownerOf('a'), owner)
    return id
  }

  await t.test('cancel ends what runs', async () => {
    const id = await run('sleep 60s')
    cluster.unfinished.add(id)
    const answer = await call(second, 'POST', `/instructions/${id}/cancel`)
    assert.equal(answer.status, 200)
    assert.equal((answer.body as { state: string }).state, 'cancelled')
  })

  await t.test('interrupt ends the turn and names what is still queued', async () => {
    const id = await run('sleep 60s')
    cluster.unfinished.add(id)
    const next = await cluster.submit('a', 'sleep 100ms', { via: third })
    const answer = await call(third, 'POST', '/interrupt')
    assert.deepEqual([answer.status, answer.body], [202, { stillQueued: [next] }])
    await second.client.waitFor('a', id, 'cancelled')
    await second.client.waitFor('a', next, 'succeeded')
    assert.equal((await call(second, 'POST', '/interrupt')).status, 409)
  })

  await t.test('pause holds what waits back, resume lets it run', async () => {
    const id = await run('sleep 500ms')
    const waits = await cluster.submit('a', 'waits', { via: third })
    assert.equal((await call(second, 'POST', '/queue/pause')).status, 200)
    await third.client.waitFor('a', id, 'succeeded')
    const queue = await call(third, 'GET', '/queue')
    const { paused, items } = queue.body as { paused: boolean; items: { id: string }[] }
    assert.deepEqual([paused, items.map((item) => item.id)], [true, [waits]])
    assert.equal((await call(third, 'POST', '/queue/resume')).status, 200)
    await second.client.waitFor('a', waits, 'succeeded')
  })

  await t.test('restart gives the running instruction another agent in the same session', async () => {
    const id = await run('sleep 1s')
    const before = cluster.agents.pids('a')
    const answer = await call(second, 'POST', '/restart')
    assert.equal(answer.status, 200)
    const done = await third.client.waitFor('a', id, 'succeeded')
    const { sessionId } = (await call(third, 'GET', '/daemon')).body as Daemon
    assert.equal(done.sessionId, sessionId)
    assert.notDeepEqual(cluster.agents.pids('a'), before)
  })

  await t.test('stop ends the agent, start brings it back', async () => {
    assert.equal((await call(second, 'POST', '/stop')).status, 200)
    assert.equal(((await call(second, 'GET', '/daemon')).body as Daemon).state, 'stopped')
    await until('the agent is gone', () => cluster.agents.pids('a').length === 0)
    assert.equal((await call(third, 'POST', '/start')).status, 200)
    assert.equal(cluster.agents.pids('a').length, 1)
  })

  await t.test('edit and delete change what waits', async () => {
    const id = await run('sleep 500ms')
    const edited = await cluster.submit('a', 'old text', { via: second })
    const { id: taken } = await third.client.submit('a', 'taken out')
    const patch = await call(third, 'PATCH', `/instructions/${edited}`, { text: 'new text' })
    assert.equal(patch.status, 200)
    const removal = await call(second, 'DELETE', `/instructions/${taken}`)
    assert.ok(removal.status < 300)
    await second.client.waitFor('a', id, 'succeeded')
    assert.match((await third.client.waitFor('a', edited, 'succeeded')).result ?? '', /new text/)
    await third.client.waitFor('a', taken, 'cancelled')
  })

  await t.test('nothing was lost, doubled or out of order by all of it', () => assertPromises(cluster))
})
