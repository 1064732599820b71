import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTail } from '../../src/daemons/line-reader.ts'
import { createMask } from '../../src/daemons/secrets.ts'
import { createDecoder, type Decoded } from '../../src/daemons/stream-json.ts'
import { createPretty } from '../../src/observability/pretty.ts'

const mask = createMask({ API_KEY: 'the-secret-key' })
const decodeLine = (line: string) =>
  createDecoder(undefined, mask).push(Buffer.from(`${line}\n`))[0] as Decoded
const assistant = (...content: unknown[]) => JSON.stringify({ type: 'assistant', message: { content } })
const sizeOf = (decoded: Decoded) => JSON.stringify(decoded).length
// oxlint-disable-next-line no-control-regex -- they are what must not be there
const steers = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/

test('a line of any depth is taken, and the reader reads on', () => {
  const deep = '{"a":'.repeat(200_000) + '1' + '}'.repeat(200_000)
  const line = `{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t","name":"n","input":${deep}}]}}`
  const decoder = createDecoder()
  const [first, second] = decoder.push(Buffer.from(`${line}\n${assistant({ type: 'text', text: 'on' })}\n`))
  assert.equal(first?.events[0]?.type, 'agent.tool_use')
  assert.ok(sizeOf(first) < 2000)
  assert.equal(second?.events[0]?.data.text, 'on')
})

test('control characters and terminal sequences are gone from every text, key and name; line ends stay', () => {
  const bad = 'a\u001b[31mred\u001b[0m\u001b]0;title\u0007\u009b2Jb\u0000c\u007f\u0085d\te\r\nf'
  const line = assistant(
    { type: 'text', text: bad },
    { type: 'tool_use', id: bad, name: bad, input: { [bad]: [bad] } },
  )
  const { events } = decodeLine(line)
  assert.equal(events[0]?.data.text, 'aredbcd\te\r\nf')
  for (const said of strings(events)) assert.doesNotMatch(said, steers)
  assert.deepEqual(decodeLine(`no JSON ${bad.replace('\n', '')}`).events[0]?.data, {
    text: 'no JSON aredbcd\te\rf',
  })
})

test('half a character becomes a whole one, so that every store and reader takes it', () => {
  const { events } = decodeLine(
    '{"type":"assistant","message":{"content":[{"type":"text","text":"x\\ud800y"}]}}',
  )
  assert.equal(events[0]?.data.text, 'x\ufffdy')
})

test('no field is without a bound: names, errors, usage, blocks', () => {
  const long = 'x'.repeat(1_000_000)
  const lines = [
    assistant({ type: 'tool_use', id: long, name: long, input: {} }),
    assistant({ type: 'tool_result', tool_use_id: long, content: [{ type: long }] }),
    JSON.stringify({ type: 'system', subtype: 'api_retry', error: long }),
    JSON.stringify({
      type: 'result',
      is_error: true,
      subtype: long,
      terminal_reason: long,
      errors: [long, long],
    }),
    JSON.stringify({ type: 'result', usage: { long }, user_message_uuid: long }),
    JSON.stringify({ type: 'control_request', request_id: long, request: { subtype: long } }),
    JSON.stringify({ type: 'command_lifecycle', command_uuid: long, state: long }),
  ]
  for (const line of lines) assert.ok(sizeOf(decodeLine(line)) < 70_000, line.slice(0, 60))
  const { events } = decodeLine(
    assistant(...Array.from({ length: 50_000 }, () => ({ type: 'text', text: 'a' }))),
  )
  assert.equal(events.length, 1001)
  assert.equal(events.at(-1)?.data.note, '49000 blocks of a line are left out')
})

test('a secret is in no event, signal or delta, whichever field says it, and not before a cut either', () => {
  const secret = 'the-secret-key'
  const lines = [
    assistant({ type: 'text', text: secret }, { type: 'thinking', thinking: secret }),
    assistant({ type: 'tool_use', id: secret, name: secret, input: { [secret]: { deep: [secret] } } }),
    JSON.stringify({
      type: 'user',
      message: { content: [{ type: 'tool_result', content: `KEY=${secret}` }] },
    }),
    JSON.stringify({ type: 'result', result: secret, usage: { [secret]: secret } }),
    JSON.stringify({ type: 'result', is_error: true, subtype: secret, errors: [secret] }),
    JSON.stringify({ type: 'system', subtype: 'api_retry', error: secret }),
    JSON.stringify({
      type: 'stream_event',
      event: { type: 'content_block_delta', delta: { type: 'text_delta', text: secret } },
    }),
    `plain ${secret}`,
    `the-\u001b[0msecret-\u0000key`,
    assistant({ type: 'text', text: 'x'.repeat(1_048_576 - 6) + secret }),
  ]
  for (const line of lines) assert.doesNotMatch(JSON.stringify(decodeLine(line)), /the-se/, line.slice(0, 60))
  const tail = createTail(20, 500, mask)
  tail.push(Buffer.from(`key is ${secret}\n${'x'.repeat(494)}${secret}\n`))
  assert.doesNotMatch(tail.lines().join('\n'), /the-se/)
})

test('ten thousand random lines are decoded without an exception', () => {
  const random = seeded(7)
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    '"',
    ':',
    ',',
    '\\',
    '\\u',
    'd800',
    'null',
    '1e999',
    '-',
    ' ',
    '\u0000',
    'ü',
    '\u009b',
  ]
  const words = [
    '"type"',
    '"assistant"',
    '"user"',
    '"result"',
    '"message"',
    '"content"',
    '"text"',
    '"usage"',
    '"event"',
  ]
  for (let n = 0; n < 10_000; n += 1) {
    const parts = Array.from({ length: 1 + random(30) }, () => {
      const from = random(2) === 0 ? pieces : words
      return from[random(from.length)]
    })
    const values = [null, [], {}, 1, true, 'x', [[]], [null], { type: 'text' }]
    const pick = () => values[random(values.length)]
    const shaped = {
      type: ['assistant', 'user', 'result', 'system', 'stream_event'][random(5)],
      message: pick(),
      event: pick(),
      usage: pick(),
      errors: pick(),
      result: pick(),
    }
    for (const line of [parts.join(''), JSON.stringify(shaped)])
      for (const said of strings(createDecoder().push(Buffer.from(`${line}\n`))))
        assert.doesNotMatch(said, steers)
  }
})

test('a log for people shows no control character, whoever wrote it', () => {
  const lines: string[] = []
  const pretty = createPretty({ write: (line: string) => lines.push(line) })
  const bad = 'x\u009b31m\u001b[2J\u007f'
  pretty.write(
    JSON.stringify({
      level: 'warn',
      msg: 'm',
      containerId: bad,
      stderr: [bad],
      err: { stack: `Error: ${bad}\n  at y` },
    }),
  )
  // oxlint-disable-next-line no-control-regex -- they are what must not be there
  assert.doesNotMatch(lines.join(''), /[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
  assert.match(lines.join(''), /x\\u009b31m/)
})

/** Every string in a value, keys too. */
function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => [key, ...strings(item)])
}

function seeded(seed: number) {
  let state = seed
  return (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % below
  }
}
