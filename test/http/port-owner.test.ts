import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describePortOwner } from '../../src/http/port-owner.ts'
import { freePort } from '../support/redis.ts'
import { startHttp } from './support.ts'

test('a port that is taken is told with the process that has it, a free one with nothing', async (t) => {
  const { url } = await startHttp(t)
  assert.match(
    (await describePortOwner(Number(new URL(url).port))) ?? '',
    new RegExp(`\\(PID ${process.pid}\\)$`),
  )
  assert.equal(await describePortOwner(await freePort()), null)
})
