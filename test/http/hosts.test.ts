import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createHostCheck } from '../../src/http/hosts.ts'

const page = 'https://baton.example.org'
const check = (HOST: string, hasAuth: boolean, ALLOWED_ORIGINS = '') =>
  createHostCheck({ HOST, ALLOWED_ORIGINS }, hasAuth)

test('on loopback a page that was rebound to this machine is refused, with authentication too', () => {
  for (const hasAuth of [true, false]) {
    const isAllowed = check('127.0.0.1', hasAuth)
    assert.ok(isAllowed({ host: 'localhost:3000' }))
    assert.ok(isAllowed({ host: '[::1]:3000', origin: 'http://[::1]:3000' }))
    assert.ok(!isAllowed({ host: 'evil.example:3000' }))
    assert.ok(!isAllowed({ host: 'evil.example:3000', origin: 'http://evil.example:3000' }))
    assert.ok(!isAllowed({ host: undefined }))
  }
})

test('elsewhere and without authentication only names that no stranger can own are ours', () => {
  const isAllowed = check('0.0.0.0', false)
  const own = [
    '10.1.2.3:3000',
    '[fd00::1]:3000',
    'baton',
    'baton:3000',
    'baton.ns.svc',
    'baton.ns.svc.cluster.local:80',
  ]
  for (const host of own) assert.ok(isAllowed({ host }), host)
  for (const host of [
    'evil.example',
    'baton.svc.evil.example:3000',
    'local.evil.com',
    '',
    'a b',
    '1.2.3.4.evil.com',
  ])
    assert.ok(!isAllowed({ host }), host)
  // A probe of HTTP/1.0.
  assert.ok(isAllowed({ host: undefined }))
})

test('elsewhere and with authentication every name is ours, but no page of another', () => {
  const isAllowed = check('0.0.0.0', true)
  assert.ok(isAllowed({ host: 'baton.example.org' }))
  assert.ok(isAllowed({ host: 'baton.example.org', origin: page }))
  for (const origin of [
    'https://evil.example',
    'null',
    '',
    'https://baton.example.org.evil.example',
    'file://',
  ])
    assert.ok(!isAllowed({ host: 'baton.example.org', origin }), origin)
})

test('pages that are allowed by name come in, and so does the Host that they have', () => {
  const isAllowed = check('127.0.0.1', false, `${page}, http://panel.example:8080`)
  assert.ok(isAllowed({ host: 'baton.example.org', origin: page }))
  assert.ok(isAllowed({ host: '127.0.0.1:3000', origin: page }))
  assert.ok(isAllowed({ host: 'localhost', origin: 'http://panel.example:8080' }))
  assert.ok(!isAllowed({ host: 'localhost', origin: 'http://panel.example' }))
  assert.ok(!isAllowed({ host: 'panel.example', origin: page }))
})
