import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDeltaMask } from '../../src/daemons/delta-mask.ts'
import { createMask, noMask } from '../../src/daemons/secrets.ts'

const key = 'sk-ant-"quoted"/and+more'

test('a secret is hidden as it is, in JSON, in an address and as base64', () => {
  const mask = createMask({ ANTHROPIC_API_KEY: key })
  const forms = [
    key,
    JSON.stringify({ key }),
    `https://a/?key=${encodeURIComponent(key)}`,
    Buffer.from(key).toString('base64'),
  ]
  for (const form of forms) {
    const said = mask(`before ${form} after ${form}`)
    assert.match(said, /^before .*\[redacted\].* after .*\[redacted\]/)
    assert.doesNotMatch(said, /sk-ant|c2stYW50/)
  }
})

test('what is no secret stays, also where its name or its value looks like one', () => {
  const mask = createMask({
    PATH: '/usr/bin:/bin',
    ANTHROPIC_MODEL: 'claude-large',
    MAX_TOKENS: '3200000',
    USE_AUTH: 'true',
  })
  assert.equal(mask, noMask)
  assert.equal(
    mask('claude-large has 3200000 true /usr/bin:/bin'),
    'claude-large has 3200000 true /usr/bin:/bin',
  )
})

test('the password of an address, each line of a private key, and the value of a header are secrets', () => {
  const mask = createMask({
    HTTPS_PROXY: 'http://user:p%40ssword@proxy:8080',
    DEPLOY_KEY: '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nBAQEFAASCBKcwggSjAgEAAo\n-----END KEY-----',
    ANTHROPIC_CUSTOM_HEADERS: 'X-Org: acme-team\nAuthorization: Bearer abcdefgh',
  })
  assert.equal(mask('p%40ssword p@ssword'), '[redacted] [redacted]')
  assert.equal(mask('> BAQEFAASCBKcwggSjAgEAAo <'), '> [redacted] <')
  assert.equal(mask('-----BEGIN KEY-----'), '-----BEGIN KEY-----')
  assert.equal(mask('got abcdefgh for acme-team'), 'got [redacted] for [redacted]')
  assert.equal(mask('proxy:8080'), 'proxy:8080')
})

test('of two secrets that begin alike the longer one is hidden whole', () => {
  const mask = createMask({ A_TOKEN: 'secret-one', B_TOKEN: 'secret-one-and-more' })
  assert.equal(mask('secret-one-and-more, secret-one'), '[redacted], [redacted]')
})

test('deltas hide a secret wherever they cut it, and lose no other text', () => {
  const mask = createMask({ API_KEY: key })
  const text = `s sk-an ${key}${key} sk-ant and the end sk`
  for (let size = 1; size <= text.length; size += 1) {
    const masked = createDeltaMask(mask)
    const said: string[] = []
    for (let at = 0; at < text.length; at += size)
      said.push(masked.push({ kind: 'text', text: text.slice(at, at + size) })?.text ?? '')
    said.push(masked.flush()?.text ?? '')
    assert.equal(said.join(''), 's sk-an [redacted][redacted] sk-ant and the end sk', `pieces of ${size}`)
  }
})

test('deltas of different kinds and tools wait for themselves', () => {
  const masked = createDeltaMask(createMask({ API_KEY: 'abcdefgh' }))
  assert.equal(masked.push({ kind: 'text', text: 'abcd' }), null)
  assert.equal(masked.push({ kind: 'thinking', text: 'efgh' })?.text, 'efgh')
  assert.equal(masked.push({ kind: 'text', text: 'efgh!' })?.text, '[redacted]!')
  assert.equal(masked.flush(), null)
})
