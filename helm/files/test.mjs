// Run by `helm test`, in the image of the service: health, a whole instruction, and its replay over a WebSocket.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'

const { BATON_URL: base, API_TOKENS: tokens = '' } = process.env
// The first token that may write to every container.
const [token] = tokens
  .split(/\s+/)
  .map((entry) => entry.split(':'))
  .filter(([, scope = 'write', containers]) => scope === 'write' && containers === undefined)
  .map(([value]) => value)
const headers = token ? { authorization: `Bearer ${token}` } : {}
const container = `helm-test-${randomUUID().slice(0, 8)}`
const path = `/v1/containers/${container}`

async function call(method, url, body) {
  const response = await fetch(url, {
    method,
    headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  })
  const text = await response.text()
  assert.ok(response.ok, `${method} ${url}: ${response.status} ${text}`)
  return text
}

test('the service is alive and ready', async () => {
  for (const probe of ['livez', 'readyz', 'startupz']) await call('GET', `${base}/${probe}`)
})

test('an instruction runs to its end', { timeout: 60_000 }, async () => {
  await call('PUT', `${base}${path}`)
  const { id } = JSON.parse(await call('POST', `${base}${path}/instructions`, { text: 'say hello' }))
  for (;;) {
    const { state } = JSON.parse(await call('GET', `${base}${path}/instructions/${id}`))
    if (state === 'succeeded') return
    assert.ok(['queued', 'running'].includes(state), `the instruction is ${state}`)
    await setTimeout(100)
  }
})

test('a WebSocket replays all of it without a gap', { timeout: 30_000 }, async () => {
  const socket = new WebSocket(`${base.replace('http', 'ws')}/claude-daemon`, { headers })
  const seqs = []
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', () => socket.send(JSON.stringify({ op: 'subscribe', containerId: container, afterSeq: 0 })))
    socket.addEventListener('close', ({ code, reason }) => reject(new Error(`closed with ${code} ${reason}`)))
    socket.addEventListener('error', ({ message }) => reject(new Error(message)))
    socket.addEventListener('message', ({ data }) => {
      const frame = JSON.parse(data)
      if (frame.seq !== undefined && frame.op === undefined) seqs.push(frame.seq)
      if (frame.op === 'live') resolve()
    })
  })
  socket.close()
  assert.ok(seqs.length > 3, `only ${seqs.length} events`)
  assert.deepEqual(seqs, seqs.map((_, index) => index + 1))
  await call('DELETE', `${base}${path}`)
})
