import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { createLogger } from '../../src/observability/logger.ts'

type Format = 'auto' | 'json' | 'pretty'

function logged(LOG_FORMAT: Format, isTerminal = false) {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const log = createLogger({ LOG_FORMAT, LOG_LEVEL: 'info', POD_NAME: 'pod-1' }, { stream, isTerminal })
  return { log, lines, text: () => lines.join('') }
}

test('a line for people is the level, the message and the container', () => {
  const { log, text } = logged('pretty')
  log.info('Stopping health monitors...')
  log.info({ containerId: 'c-1' }, 'Worker stopped')
  assert.equal(text(), '[INFO] Stopping health monitors...\n[INFO] Worker stopped (containerId: c-1)\n')
})

test('other fields follow behind the container', () => {
  const { log, text } = logged('pretty')
  log.warn({ ms: 12, containerId: 'c-1', ids: ['a'], name: 'x' }, 'Slow')
  assert.equal(text(), '[WARN] Slow (containerId: c-1) ms=12 ids=["a"] name=x\n')
})

test('an error is on the lines that follow, with its causes', () => {
  const { log, text } = logged('pretty')
  log.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'Failed')
  assert.match(text(), /^\[ERROR\] Failed\n {2}Error: outer\n {6}at [\s\S]*caused by: Error: inner\n/)
})

test('a value cannot steer the terminal of the reader', () => {
  const { log, text } = logged('pretty')
  log.info({ name: '\u001b[2Jx\ny' }, 'Named')
  assert.equal(text(), '[INFO] Named name="\\u001b[2Jx\\ny"\n')
})

test('elsewhere a line is one JSON object with the level as a word and an ISO time', () => {
  const { log, text } = logged('json')
  log.info({ containerId: 'c-1' }, 'Worker stopped')
  const { time, ...rest } = JSON.parse(text()) as Record<string, string>
  assert.deepEqual(rest, { level: 'info', pod: 'pod-1', containerId: 'c-1', msg: 'Worker stopped' })
  assert.equal(new Date(time ?? '').toISOString(), time)
})

test('auto is for people on a terminal and JSON elsewhere', () => {
  const terminal = logged('auto', true)
  terminal.log.info('x')
  assert.equal(terminal.text(), '[INFO] x\n')
  const pipe = logged('auto', false)
  pipe.log.info('x')
  assert.match(pipe.text(), /^\{/)
})

for (const format of ['json', 'pretty'] as const) {
  test(`no secret reaches the log (${format})`, () => {
    const { log, text } = logged(format)
    const secret = 'hunter2'
    log.info({ token: secret, password: secret, apiKey: secret, authorization: secret }, 'flat')
    log.info({ req: { headers: { authorization: secret, cookie: secret } } }, 'nested')
    log.info({ user: { password: secret }, url: `redis://me:${secret}@redis:6379/0` }, 'url')
    log.info({ redis: { redisUrl: `rediss://:${secret}@redis` } }, 'nested url')
    assert.doesNotMatch(text(), /hunter2/)
    assert.match(text(), /redis:\/\/me:\[redacted\]@redis:6379\/0/)
  })
}

test('the last line before the process ends is not lost', () => {
  const logger = new URL('../../src/observability/logger.ts', import.meta.url).href
  const script = `import { createLogger } from ${JSON.stringify(logger)}
    const log = createLogger({ LOG_FORMAT: 'auto', LOG_LEVEL: 'info', POD_NAME: 'p' })
    for (let i = 0; i < 5000; i += 1) log.info({ i }, 'line')
    process.exit(0)`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  assert.equal(stdout.trim().split('\n').length, 5000)
})
