import { randomUUID } from 'node:crypto'
import type { Transcript } from './transcript.ts'

const centsPerTurn = 0.1
/** What is longer is said at once. */
const maxDeltaChars = 10_000

/** Every line that the demo agent writes, in the shape of Claude Code's `--output-format stream-json`. */
export function createOutput(sessionId: string, transcript: Transcript, hasDeltas: boolean) {
  const write = (line: object) =>
    process.stdout.write(`${JSON.stringify({ ...line, session_id: sessionId, uuid: randomUUID() })}\n`)
  const block = (content: object) => ({ role: 'assistant', model: 'demo', content: [content] })
  const lifecycle = (uuid: string, state: string) =>
    write({ type: 'command_lifecycle', command_uuid: uuid, state })

  /** A word, as a model writes it. */
  function delta(piece: string) {
    const event = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: piece } }
    write({ type: 'stream_event', event, parent_tool_use_id: null })
  }

  function end(uuid: string, state: string, line: object) {
    const cost = (transcript.finishedCount() * centsPerTurn) / 100
    const usage = { input_tokens: 10, output_tokens: 5 }
    write({ type: 'result', num_turns: 1, usage, total_cost_usd: cost, user_message_uuid: uuid, ...line })
    lifecycle(uuid, state)
  }

  return {
    lifecycle,
    init: () =>
      write({
        type: 'system',
        subtype: 'init',
        cwd: process.cwd(),
        model: 'demo',
        tools: ['Wait'],
        mcp_servers: [],
      }),
    say(text: string) {
      if (hasDeltas && text.length <= maxDeltaChars)
        for (const piece of text.match(/\s*\S+|\s+$/g) ?? []) delta(piece)
      write({ type: 'assistant', message: block({ type: 'text', text }), parent_tool_use_id: null })
    },
    toolUse: (id: string, name: string, input: object) =>
      write({
        type: 'assistant',
        message: block({ type: 'tool_use', id, name, input }),
        parent_tool_use_id: null,
      }),
    toolResult: (id: string, content: string, isError: boolean) => {
      const result = { type: 'tool_result', tool_use_id: id, content, is_error: isError }
      write({ type: 'user', message: { role: 'user', content: [result] }, parent_tool_use_id: null })
    },
    succeeded: (uuid: string, result: string) =>
      end(uuid, 'completed', { subtype: 'success', is_error: false, terminal_reason: 'completed', result }),
    /** As an API failure looks: subtype success, and yet an error. */
    failed: (uuid: string, result: string) =>
      end(uuid, 'completed', { subtype: 'success', is_error: true, terminal_reason: 'api_error', result }),
    interrupted: (uuid: string) => {
      const reason = { terminal_reason: 'aborted_streaming', errors: ['Request interrupted by user'] }
      end(uuid, 'cancelled', { subtype: 'error_during_execution', is_error: true, ...reason })
    },
    answer: (requestId: unknown, response: object) =>
      write({ type: 'control_response', response: { subtype: 'success', request_id: requestId, response } }),
    refuse: (requestId: unknown, error: string) =>
      write({ type: 'control_response', response: { subtype: 'error', request_id: requestId, error } }),
  }
}

export type Output = ReturnType<typeof createOutput>
