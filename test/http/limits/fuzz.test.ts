import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { pino } from 'pino'
import { WebSocket } from 'ws'
import { until } from '../../support/client.ts'
import { registered, says, startHttp } from '../support.ts'
import { createFuzz } from './mutate.ts'

const frames = 100_000
const perBatch = 500
const allowed = new Set(['invalid_json', 'validation_failed', 'container_not_found'])

test('100,000 random and mutated frames: each is answered or ignored, none is an error of ours', async (t) => {
  const failures: string[] = []
  const log = pino({ level: 'error' }, { write: (line: string) => failures.push(line) })
  const http = await startHttp(t, { log })
  http.write('c-1', registered, says('one'), says('two'))
  http.write('c-2', registered)
  const fuzz = createFuzz(20_261_123)
  const codes = new Map<string, number>()
  const closes = new Map<number, number>()
  const onUncaught = (error: Error) => failures.push(String(error))
  process.on('uncaughtExceptionMonitor', onUncaught)
  t.after(() => process.off('uncaughtExceptionMonitor', onUncaught))

  async function open() {
    const socket = new WebSocket(`${http.url.replace('http', 'ws')}/claude-daemon`)
    t.after(() => socket.terminate())
    let lastPong = ''
    socket.on('error', () => {})
    socket.on('close', (code) => closes.set(code, (closes.get(code) ?? 0) + 1))
    socket.on('pong', (data: Buffer) => {
      lastPong = data.toString()
    })
    socket.on('message', (data: Buffer) => {
      const { op, code } = JSON.parse(data.toString()) as { op?: string; code?: string }
      if (op === 'error') codes.set(String(code), (codes.get(String(code)) ?? 0) + 1)
    })
    await once(socket, 'open')
    return { socket, lastPong: () => lastPong }
  }

  let client = await open()
  for (let sent = 0; sent < frames; sent += perBatch) {
    for (let n = 0; n < perBatch; n += 1) client.socket.send(fuzz.frame(), { binary: fuzz.chance(10) })
    // Answered in order: what was sent before it has been read.
    client.socket.ping(String(sent))
    await until(`batch ${sent}`, () => client.lastPong() === String(sent) || client.socket.readyState > 1)
    if (client.socket.readyState > 1) client = await open()
  }

  assert.deepEqual(failures, [])
  assert.deepEqual(
    [...codes.keys()].filter((code) => !allowed.has(code)),
    [],
  )
  for (const code of allowed) assert.ok((codes.get(code) ?? 0) > 100, `${code} was met: ${codes.get(code)}`)
  assert.deepEqual([...closes.keys()], [], 'nothing here breaks the protocol, so nobody is closed')
  client.socket.close()
  await until('nobody is left behind', () => http.audience.size() === 0)
  assert.equal(http.audience.followers('c-1') + http.audience.followers('c-2'), 0)
  assert.equal((await http.app.inject({ url: '/livez' })).statusCode, 200)
})

test('frames that break the protocol end their own socket only', async (t) => {
  const http = await startHttp(t)
  http.write('c-1', registered)
  const other = new WebSocket(`${http.url.replace('http', 'ws')}/claude-daemon`)
  t.after(() => other.terminate())
  await once(other, 'open')
  const closedWith = async (data: string | Buffer) => {
    const socket = new WebSocket(`${http.url.replace('http', 'ws')}/claude-daemon`)
    t.after(() => socket.terminate())
    socket.on('error', () => {})
    await once(socket, 'open')
    socket.send(data, { binary: false })
    const [code] = (await once(socket, 'close')) as [number]
    return code
  }
  assert.equal(await closedWith(Buffer.from([0xc3, 0x28, 0xff])), 1007)
  assert.equal(await closedWith('x'.repeat(1024 * 1024 + 1)), 1009)
  other.send('{"op":"ping"}')
  const [answer] = (await once(other, 'message')) as [Buffer]
  assert.equal(answer.toString(), '{"op":"pong"}')
})
