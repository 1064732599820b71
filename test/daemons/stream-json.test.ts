import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLineReader, createTail } from '../../src/daemons/line-reader.ts'
import { messageIdOf } from '../../src/daemons/session-record.ts'
import { createDecoder, type Decoded } from '../../src/daemons/stream-json.ts'

const line = (value: unknown) => Buffer.from(`${JSON.stringify(value)}\n`)
const decodeOne = (value: unknown) => createDecoder().push(line(value))[0] as Decoded

test('lines survive any split of their bytes', () => {
  const bytes = Buffer.from('{"a":"äöü €"}\r\n\n🙂 end\nrest')
  for (let size = 1; size < 8; size++) {
    const reader = createLineReader()
    const texts: string[] = []
    for (let at = 0; at < bytes.length; at += size)
      texts.push(...reader.push(bytes.subarray(at, at + size)).map((l) => l.text))
    texts.push(...reader.end().map((l) => l.text))
    assert.deepEqual(texts, ['{"a":"äöü €"}\r', '', '🙂 end', 'rest'])
  }
})

test('a line over the limit is cut and reported, and the next one is read as usual', () => {
  const decoder = createDecoder(100)
  const [cut, next] = decoder.push(
    Buffer.concat([Buffer.from('x'.repeat(250)), Buffer.from('\n'), line({ type: 'user' })]),
  )
  assert.deepEqual(cut?.events, [
    {
      type: 'agent.output',
      data: { text: 'x'.repeat(100), note: 'a line was too long: 150 bytes of it are left out' },
    },
  ])
  assert.deepEqual(next?.events, [])
})

test('what is no JSON object is output; what is unknown is ignored', () => {
  const decoder = createDecoder()
  const texts = decoder
    .push(Buffer.from('garbage {\n[1]\n"x"\na\u0000b\n\u0000\n'))
    .flatMap((decoded) => decoded.events)
  assert.deepEqual(
    texts.map((event) => event.data.text),
    ['garbage {', '[1]', '"x"', 'ab'],
  )
  for (const odd of [
    { type: 'new' },
    { type: 'assistant' },
    { type: 'assistant', message: { content: [null, 1, {}] } },
    {},
  ]) {
    assert.deepEqual(decodeOne(odd).events, [])
  }
})

test('blocks of a message become neutral events, and open tool calls are counted', () => {
  const decoder = createDecoder()
  const said = { type: 'text', text: 'hi' }
  const thought = { type: 'thinking', thinking: 'hm' }
  const used = { type: 'tool_use', id: 't1', name: 'Bash', input: { command: 'ls' } }
  const events = decoder
    .push(line({ type: 'assistant', message: { content: [said, thought, used] } }))
    .flatMap((d) => d.events)
  assert.deepEqual(events, [
    { type: 'agent.message', data: { text: 'hi' } },
    { type: 'agent.thinking', data: { text: 'hm' } },
    { type: 'agent.tool_use', data: { toolUseId: 't1', name: 'Bash', input: { command: 'ls' } } },
  ])
  assert.equal(decoder.openTools(), 1)
  const content = [{ type: 'text', text: 'a' }, { type: 'image' }]
  const result = { type: 'tool_result', tool_use_id: 't1', content, is_error: true }
  const [decoded] = decoder.push(line({ type: 'user', message: { content: [result] } }))
  assert.deepEqual(decoded?.events, [
    { type: 'agent.tool_result', data: { toolUseId: 't1', content: 'a\n[image]', isError: true } },
  ])
  assert.equal(decoder.openTools(), 0)
})

test('a large tool result is cut at 64 KB, and says so', () => {
  const result = { type: 'tool_result', tool_use_id: 't', content: '€'.repeat(50_000) }
  const content = String(decodeOne({ type: 'user', message: { content: [result] } }).events[0]?.data.content)
  assert.match(content, /^€+\n\[truncated: 150000 bytes in all\]$/)
  assert.ok(Buffer.byteLength(content) < 65 * 1024)
})

test('is_error decides on failure, whatever the subtype says', () => {
  const failed = {
    type: 'result',
    subtype: 'success',
    is_error: true,
    terminal_reason: 'api_error',
    result: 'API Error',
  }
  const { signal } = decodeOne({ ...failed, total_cost_usd: 0.5 })
  assert.ok(signal?.type === 'result')
  assert.deepEqual(
    [signal.isError, signal.error, signal.totalCost],
    [true, { code: 'api_error', message: 'API Error' }, 0.5],
  )
  const aborted = decodeOne({
    type: 'result',
    is_error: true,
    terminal_reason: 'aborted_tools',
    errors: ['stop'],
  }).signal
  assert.ok(aborted?.type === 'result')
  assert.deepEqual([aborted.wasAborted, aborted.error?.message], [true, 'stop'])
})

test('a retry of the API is told', () => {
  const retry = { type: 'system', subtype: 'api_retry', attempt: 2, max_retries: 10, error: 'overloaded' }
  assert.deepEqual(decodeOne(retry).events, [
    { type: 'agent.retrying', data: { attempt: 2, maxRetries: 10, error: 'overloaded' } },
  ])
})

test('the tail of stderr is short and plain', () => {
  const tail = createTail()
  for (let i = 0; i < 30; i++) tail.push(Buffer.from(`\u001b[31mline\u0007 ${i}\u001b[0m\r\n`))
  tail.push(Buffer.from('y'.repeat(2000)))
  tail.end()
  const lines = tail.lines()
  assert.equal(lines.length, 20)
  assert.equal(lines[18], 'line 29')
  assert.equal(lines[19], 'y'.repeat(500))
})

test('a message id is the instruction id until an interruption, and then a UUID that follows from it', () => {
  const id = '11111111-1111-4111-8111-111111111111'
  assert.equal(messageIdOf(id, 0), id)
  const ids = [1, 2, 3].map((n) => messageIdOf(id, n))
  assert.equal(new Set(ids).size, 3)
  for (const one of ids) assert.match(one, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.deepEqual(
    ids,
    [1, 2, 3].map((n) => messageIdOf(id, n)),
  )
})

test('a piece of a message is a delta and no event', () => {
  const piece = (delta: object, more: object = {}) =>
    decodeOne({ type: 'stream_event', event: { type: 'content_block_delta', delta }, ...more })
  assert.deepEqual(piece({ type: 'text_delta', text: 'he' }).delta, { kind: 'text', text: 'he' })
  assert.deepEqual(piece({ type: 'thinking_delta', thinking: 'hm' }, { parent_tool_use_id: 't1' }).delta, {
    kind: 'thinking',
    text: 'hm',
    parentToolUseId: 't1',
  })
  const said = piece({ type: 'text_delta', text: 'he' })
  assert.deepEqual([said.events, said.signal, said.isProgress], [[], null, true])
  for (const odd of [
    {},
    { type: 'text_delta' },
    { type: 'text_delta', text: 1 },
    { type: 'input_json_delta' },
  ])
    assert.equal(piece(odd).delta, null)
  for (const event of [null, 1, { type: 'message_start' }, { type: 'content_block_delta', delta: [] }])
    assert.equal(decodeOne({ type: 'stream_event', event }).delta, null)
})
