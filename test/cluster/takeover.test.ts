import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startCluster } from '../support/cluster.ts'
import { ledger, until } from '../support/client.ts'
import { assertPromises, resumptions } from '../support/promises.ts'

/** 3 s until a heartbeat has expired for sure, and what a busy machine adds. */
const takeoverMs = 5000

test('pods that are killed', async (t) => {
  const cluster = await startCluster(t)

  await t.test('others take their instructions over within 3 s, and no event is missing', async (step) => {
    const [owner] = cluster.pods
    assert.ok(owner)
    const containers = ['a', 'b', 'c', 'd']
    for (const containerId of containers) {
      await cluster.register(containerId)
      // Its agent is there before the others need the machine.
      await owner.client.waitFor(
        containerId,
        await cluster.submit(containerId, 'warm up', { via: owner }),
        'succeeded',
      )
    }
    const running = await Promise.all(
      containers.map((containerId) => cluster.submit(containerId, 'sleep 3s', { via: owner })),
    )
    for (const containerId of containers) {
      for (const text of ['second', 'third']) await cluster.submit(containerId, text, { via: owner })
      await until(
        'its agent is at it',
        async () => (await ledger(cluster.workspacesDir, containerId)).length > 2,
      )
    }
    const killedAt = await cluster.kill(owner)
    const starts = containers.map((containerId, i) =>
      cluster.startedSince(containerId, running[i] ?? '', killedAt),
    )
    const delays = (await Promise.all(starts)).map(({ time }) => Date.parse(time) - killedAt)
    step.diagnostic(
      `milliseconds from the kill to the next start: ${delays.toSorted((a, b) => a - b).join(', ')}`,
    )
    assert.ok(Math.max(...delays) < takeoverMs, `takeover after ${delays.join(', ')} ms`)
    await cluster.addPod()
    await assertPromises(cluster)
    for (const [i, containerId] of containers.entries())
      assert.equal(await resumptions(cluster, containerId, running[i] ?? ''), 1)
  })

  await t.test('an instruction inside a tool call waits for a person, and goes on as decided', async () => {
    await cluster.register('tool')
    const inTool = await cluster.submit('tool', 'tool 1s')
    const next = await cluster.submit('tool', 'next')
    const isInTool = async () => (await cluster.journal('tool')).some(({ type }) => type === 'agent.tool_use')
    await until('the tool call is open', isInTool)
    await cluster.kill(await cluster.ownerOf('tool'))
    const [other] = cluster.pods
    assert.ok(other)
    await other.client.waitFor('tool', inTool, 'needs_decision')
    assert.equal((await other.client.instruction('tool', next)).state, 'queued')
    const path = `/v1/containers/tool/instructions/${inTool}/retry`
    const decided = await other.client.call('POST', path, { resumePolicy: 'continue' })
    assert.ok(decided.status < 300, JSON.stringify(decided.body))
    await cluster.addPod()
    await assertPromises(cluster)
  })

  await t.test('an instruction that ran in three of them fails, and the next one runs', async () => {
    await cluster.register('poison')
    const poison = await cluster.submit('poison', 'sleep 60s')
    const next = await cluster.submit('poison', 'next')
    cluster.unfinished.add(poison)
    while (cluster.pods.length < 4) await cluster.addPod()
    let killedAt = 0
    for (let crash = 1; crash <= 3; crash += 1) {
      await cluster.startedSince('poison', poison, killedAt)
      // The agents outlive their pod here: whoever takes over has to end them first.
      killedAt = await cluster.kill(await cluster.ownerOf('poison'), { leavesAgents: true })
    }
    const [survivor] = cluster.pods
    assert.ok(survivor)
    const failed = await survivor.client.waitFor('poison', poison, 'failed')
    assert.equal(failed.error?.code, 'crash_limit')
    const { interruptions } = failed
    assert.deepEqual(
      interruptions.map(({ cause }) => cause),
      ['crash', 'crash', 'crash'],
    )
    const sessions = (await cluster.journal('poison'))
      .filter(({ type, instructionId }) => type === 'instruction.started' && instructionId === poison)
      .map(({ data }) => ({ session: data.sessionId, pod: data.pod }))
    assert.equal(new Set(sessions.map(({ pod }) => pod)).size, 3)
    assert.equal(new Set(sessions.map(({ session }) => session)).size, 1)
    await survivor.client.waitFor('poison', next, 'succeeded')
    await assertPromises(cluster)
  })
})
