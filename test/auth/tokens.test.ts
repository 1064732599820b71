import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mayUse, mayWrite } from '../../src/auth/grant.ts'
import { createTokens, parseTokens } from '../../src/auth/tokens.ts'

const a = 'a'.repeat(16)
const b = `${'b'.repeat(30)}==`
const c = 'c-1.2_3~4+5/6789'

test('entries are separated by white space, and say scope and containers', () => {
  const { entries, problems } = parseTokens(`  ${a}\n${b}:read\t${c}:write:c-1,c-2 `)
  assert.deepEqual(problems, [])
  assert.deepEqual(entries, [
    { token: a, scope: 'write', containers: null },
    { token: b, scope: 'read', containers: null },
    { token: c, scope: 'write', containers: ['c-1', 'c-2'] },
  ])
})

test('a wrong entry is named by its number and never shown', () => {
  const wrong = [
    ['shorttoken12345', /less than 16/],
    [`${a}:admin`, /another scope/],
    [`${a}:read:c-1:x`, /too many colons/],
    [`${a}:read:`, /container id/],
    [`${a}:read:c-1,,c-2`, /container id/],
    [`${a}:read:..`, /container id/],
    ['ä'.repeat(20), /other characters/],
    [':read', /less than 16/],
  ] as const
  for (const [entry, expected] of wrong) {
    const { entries, problems } = parseTokens(`${b} ${entry}`)
    assert.equal(entries.length, 1, entry)
    assert.match(problems.join(), expected)
    assert.match(problems.join(), /^entry 2 /)
    for (const part of entry.split(':').filter((word) => word.length > 6))
      assert.ok(!problems.join().includes(part))
  }
  assert.match(parseTokens(`${a} ${a}:read`).problems.join(), /earlier entry/)
})

test('only the very token is found, with its own grant', () => {
  const find = createTokens(parseTokens(`${a} ${b}:read ${c}:write:c-1`).entries)
  for (const other of ['', a.slice(1), `${a}a`, a.toUpperCase(), `${a} `, `${a}:read`])
    assert.equal(find(other), undefined, JSON.stringify(other))
  const [all, reader, limited] = [a, b, c].map((token) => find(token))
  assert.ok(all && reader && limited)
  assert.ok(mayWrite(all) && !mayWrite(reader) && mayWrite(limited))
  assert.ok(mayUse(all, 'c-2') && mayUse(limited, 'c-1') && !mayUse(limited, 'c-2'))
  assert.equal(new Set([all.key, reader.key, limited.key]).size, 3)
  for (const grant of [all, reader, limited])
    for (const token of [a, b, c]) assert.ok(!JSON.stringify(grant).includes(token))
})

test('without entries nothing is found', () => {
  assert.equal(createTokens([])(''), undefined)
})
