import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  ConfigError,
  accessWarning,
  graceWarning,
  loadConfig,
  retentionMs,
  settings,
  shutdownBudget,
  splitWords,
} from '../src/config.ts'

function problemsOf(env: NodeJS.ProcessEnv): string[] {
  try {
    loadConfig(env)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems
  }
  return []
}

function fileWith(t: TestContext, text: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'baton-config-'))
  t.after(() => rmSync(dir, { recursive: true }))
  writeFileSync(join(dir, 'secret'), text)
  return join(dir, 'secret')
}

test('an empty environment gives the documented defaults', () => {
  const config = loadConfig({})
  assert.equal(config.HOST, '127.0.0.1')
  assert.equal(config.PORT, 3000)
  assert.equal(config.WORKERS_BUDGET_SECONDS, 30)
  assert.equal(config.DATA_DIR, resolve('data'))
  assert.equal(config.WORKSPACES_DIR, resolve('data/workspaces'))
  assert.equal(config.POD_NAME, hostname())
  assert.equal(config.ALLOW_ANONYMOUS, false)
  assert.equal(config.TERMINATION_GRACE_PERIOD_SECONDS, undefined)
})

test('an empty string counts as not set', () => {
  assert.deepEqual(loadConfig({ PORT: '', HOST: '', LOG_LEVEL: '', REDIS_URL: '' }), loadConfig({}))
})

test('the workspaces are in the data directory unless they are set', () => {
  assert.equal(loadConfig({ DATA_DIR: '/d' }).WORKSPACES_DIR, '/d/workspaces')
  assert.equal(loadConfig({ DATA_DIR: '/d', WORKSPACES_DIR: '/w' }).WORKSPACES_DIR, '/w')
})

test('the drain window is 5 s in Kubernetes and none elsewhere, unless it is set', () => {
  assert.equal(loadConfig({}).DRAIN_SECONDS, 0)
  assert.equal(loadConfig({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }).DRAIN_SECONDS, 5)
  assert.equal(loadConfig({ KUBERNETES_SERVICE_HOST: '10.0.0.1', DRAIN_SECONDS: '2.5' }).DRAIN_SECONDS, 2.5)
})

test('all problems are reported together, one line each, with the value and what is expected', () => {
  const problems = problemsOf({
    PORT: 'abc',
    DRAIN_SECONDS: '-1',
    LOG_LEVEL: 'loud',
    ALLOW_ANONYMOUS: 'perhaps',
    HISTORY_RETENTION: '7 days',
  })
  assert.deepEqual(problems.toSorted(), [
    'ALLOW_ANONYMOUS: "perhaps"; expected true or false',
    'DRAIN_SECONDS: "-1"; expected a number from 0 to 3600',
    'HISTORY_RETENTION: "7 days"; expected text like 7d or 12h or 30m',
    'LOG_LEVEL: "loud"; expected one of trace, debug, info, warn, error, fatal, silent',
    'PORT: "abc"; expected a whole number from 0 to 65535',
  ])
})

test('contradictions are reported beside values of the wrong form', () => {
  const problems = problemsOf({ PORT: '70000', HOST: '0.0.0.0', AGENT_ARGS: "--model 'x" })
  assert.deepEqual(problems.map((problem) => problem.replace(/:.*/, '')).toSorted(), [
    'AGENT_ARGS',
    'HOST',
    'PORT',
  ])
})

test('an address that is not loopback needs authentication or ALLOW_ANONYMOUS', () => {
  assert.match(
    problemsOf({ HOST: '0.0.0.0' })[0] ?? '',
    /^HOST: "0\.0\.0\.0" .*API_TOKENS.*ALLOW_ANONYMOUS=true/,
  )
  const token = 'a-token-of-20-letters'
  assert.deepEqual(problemsOf({ HOST: '0.0.0.0', API_TOKENS: token }), [])
  assert.deepEqual(problemsOf({ HOST: '::', JWT_ISSUER: 'https://id.example', JWT_AUDIENCE: 'baton' }), [])
  for (const HOST of ['127.0.0.2', '::1', 'localhost']) assert.deepEqual(problemsOf({ HOST }), [])
  assert.deepEqual(problemsOf({ HOST: '0.0.0.0', ALLOW_ANONYMOUS: 'true' }), [])
  assert.equal(problemsOf({ HOST: '127.evil.example' }).length, 1)
})

test('settings of who may come in that contradict one another are reported', () => {
  const token = 'a-token-of-20-letters'
  const issuer = { JWT_ISSUER: 'https://id.example', JWT_AUDIENCE: 'baton' }
  const cases: [NodeJS.ProcessEnv, RegExp][] = [
    [{ API_TOKENS: token, ALLOW_ANONYMOUS: 'true' }, /^ALLOW_ANONYMOUS: /],
    [{ ...issuer, ALLOW_ANONYMOUS: 'true' }, /^ALLOW_ANONYMOUS: /],
    [{ JWT_ISSUER: 'https://id.example' }, /^JWT_AUDIENCE: is not set/],
    [{ JWT_AUDIENCE: 'baton' }, /^JWT_AUDIENCE: .*JWT_ISSUER/],
    [{ JWT_JWKS_URL: 'https://id.example/keys' }, /^JWT_JWKS_URL: .*JWT_ISSUER/],
    [{ ...issuer, JWT_ISSUER: 'http://id.example' }, /^JWT_ISSUER: .*https/],
    [{ ...issuer, JWT_ISSUER: 'id.example' }, /^JWT_ISSUER: .*https/],
    [{ ...issuer, JWT_JWKS_URL: 'http://id.example/keys' }, /^JWT_JWKS_URL: .*https/],
    [{ API_TOKENS: 'short' }, /^API_TOKENS: entry 1 \(not shown\) .*16/],
    [{ PORT: '4000', METRICS_PORT: '4000' }, /^METRICS_PORT: 4000 is PORT too/],
    [{ ALLOWED_ORIGINS: 'https://a.example, b.example' }, /^ALLOWED_ORIGINS: "b\.example"/],
    [{ ALLOWED_ORIGINS: 'https://a.example/path' }, /^ALLOWED_ORIGINS: /],
  ]
  for (const [env, expected] of cases) {
    const problems = problemsOf(env)
    assert.equal(problems.length, 1, problems.join('\n'))
    assert.match(problems[0] ?? '', expected)
  }
  assert.deepEqual(problemsOf({ ...issuer, API_TOKENS: token, PORT: '0', METRICS_PORT: '0' }), [])
  assert.deepEqual(problemsOf({ ALLOWED_ORIGINS: 'https://a.example, http://127.0.0.1:8080' }), [])
})

test('a service without authentication says so', () => {
  assert.match(accessWarning(loadConfig({})) ?? '', /only this machine/)
  assert.match(accessWarning(loadConfig({ HOST: '0.0.0.0', ALLOW_ANONYMOUS: 'true' })) ?? '', /whoever/)
  assert.equal(accessWarning(loadConfig({ API_TOKENS: 'a-token-of-20-letters' })), undefined)
})

test('tokens can come from a file, one a line', (t) => {
  const API_TOKENS_FILE = fileWith(t, 'a-token-of-20-letters\nanother-of-20-letters:read\n')
  assert.match(loadConfig({ API_TOKENS_FILE }).API_TOKENS, /^a-token\S+\nanother/)
})

test('no problem shows a secret', () => {
  const tokens = problemsOf({ API_TOKENS: 'hunter2hunter2hunter2:admin hunter3', ALLOW_ANONYMOUS: 'true' })
  assert.doesNotMatch(tokens.join(), /hunter/)

  const text = problemsOf({ REDIS_URL: 'http://:hunter2@redis', PORT: 'x' }).join('\n')
  assert.match(text, /^REDIS_URL: /m)
  assert.doesNotMatch(text, /hunter2/)
})

test('a secret can come from a file, without the newline at its end', (t) => {
  const REDIS_URL_FILE = fileWith(t, 'redis://:pw@redis:6379\n')
  assert.equal(loadConfig({ REDIS_URL_FILE }).REDIS_URL, 'redis://:pw@redis:6379')
  assert.match(problemsOf({ REDIS_URL_FILE, REDIS_URL: 'redis://other' })[0] ?? '', /twice/)
})

test('a secret file that is empty or missing is a problem', (t) => {
  assert.match(problemsOf({ REDIS_URL_FILE: fileWith(t, '\n') })[0] ?? '', /^REDIS_URL_FILE: .* is empty/)
  assert.match(problemsOf({ REDIS_URL_FILE: '/no/such/file' })[0] ?? '', /^REDIS_URL_FILE: .*ENOENT/)
})

test('the budget of a shutdown is the sum of its steps', () => {
  const budget = shutdownBudget({ DRAIN_SECONDS: 5, WORKERS_BUDGET_SECONDS: 30 })
  assert.deepEqual(budget.steps, [
    { name: 'readiness', seconds: 0 },
    { name: 'drain', seconds: 5 },
    { name: 'health-monitor', seconds: 1 },
    { name: 'workers', seconds: 30 },
    { name: 'daemons', seconds: 5 },
    { name: 'queues', seconds: 3 },
    { name: 'websocket', seconds: 3 },
    { name: 'http', seconds: 5 },
    { name: 'database', seconds: 2 },
  ])
  assert.equal(budget.totalSeconds, 54)
})

test('a grace period that is shorter than the budget is warned of', () => {
  assert.equal(graceWarning(loadConfig({})), undefined)
  assert.equal(graceWarning(loadConfig({ TERMINATION_GRACE_PERIOD_SECONDS: '49' })), undefined)
  assert.match(
    graceWarning(loadConfig({ TERMINATION_GRACE_PERIOD_SECONDS: '30' })) ?? '',
    /^TERMINATION_GRACE_PERIOD_SECONDS is 30, but a shutdown may take 49 s/,
  )
})

test('a retention is a number and a unit', () => {
  const retention = (HISTORY_RETENTION: string) => retentionMs(loadConfig({ HISTORY_RETENTION }))
  assert.equal(retention('7d'), 604_800_000)
  assert.equal(retention('12h'), 43_200_000)
  assert.equal(retention('30m'), 1_800_000)
  assert.equal(retention('45s'), 45_000)
})

test('arguments are split as a shell does', () => {
  assert.deepEqual(splitWords(''), [])
  assert.deepEqual(splitWords('  --model  sonnet '), ['--model', 'sonnet'])
  assert.deepEqual(splitWords(`--tools "Bash Read" --x='a "b"' c\\ d ''`), [
    '--tools',
    'Bash Read',
    '--x=a "b"',
    'c d',
    '',
  ])
  assert.deepEqual(splitWords('"a \\"b\\" \\n"'), ['a "b" \\n'])
  assert.throws(() => splitWords('"a'), /not closed/)
})

test('every setting has a sentence', () => {
  for (const [name, schema] of Object.entries(settings.properties)) {
    assert.match(String(Reflect.get(schema, 'description')), /\.$/, name)
  }
})
