import { bounded, label, list, number, object, text } from './untrusted.ts'

/** What an agent says, in words that hold for any agent. */
export interface AgentEvent {
  type:
    | 'agent.message'
    | 'agent.thinking'
    | 'agent.tool_use'
    | 'agent.tool_result'
    | 'agent.retrying'
    | 'agent.output'
  data: Record<string, unknown>
}

/** A piece of a message that the agent is still writing. */
export interface AgentDelta {
  kind: 'text' | 'thinking'
  text: string
  parentToolUseId?: string
}

const messageLimit = 1024 * 1024
/** Claude Code sends one block a line. */
const maxBlocks = 1000

/** The events in one line of stream-json; a line of another kind has none. */
export function eventsOf(line: Record<string, unknown>): AgentEvent[] {
  if (line.type === 'system' && line.subtype === 'api_retry') return [retrying(line)]
  if (line.type !== 'assistant' && line.type !== 'user') return []
  const content = list(object(line.message)?.content)
  const blocks = content.slice(0, maxBlocks).map(object)
  const parent = label(line.parent_tool_use_id)
  const events = blocks
    .flatMap((block) => (block === undefined ? [] : (fromBlock(line.type === 'assistant', block) ?? [])))
    .map(({ type, data }) => ({ type, data: parent === '' ? data : { ...data, parentToolUseId: parent } }))
  if (content.length > maxBlocks)
    events.push({
      type: 'agent.output',
      data: { text: '', note: `${content.length - maxBlocks} blocks of a line are left out` },
    })
  return events
}

/** Claude Code passes the stream of the Messages API on as it is. */
export function deltaOf(line: Record<string, unknown>): AgentDelta | null {
  const event = line.type === 'stream_event' ? object(line.event) : undefined
  const delta = event?.type === 'content_block_delta' ? object(event.delta) : undefined
  const isThinking = delta?.type === 'thinking_delta'
  if (delta === undefined || (!isThinking && delta.type !== 'text_delta')) return null
  const said = bounded(text(isThinking ? delta.thinking : delta.text))
  if (said === '') return null
  const parent = label(line.parent_tool_use_id)
  return {
    kind: isThinking ? 'thinking' : 'text',
    text: said,
    ...(parent === '' ? {} : { parentToolUseId: parent }),
  }
}

function fromBlock(isAssistant: boolean, block: Record<string, unknown>): AgentEvent | undefined {
  if (!isAssistant) return block.type === 'tool_result' ? toolResult(block) : undefined
  switch (block.type) {
    case 'text':
      return { type: 'agent.message', data: { text: bounded(text(block.text), messageLimit) } }
    case 'thinking':
      return { type: 'agent.thinking', data: { text: bounded(text(block.thinking), messageLimit) } }
    case 'tool_use': {
      const data = { toolUseId: label(block.id), name: label(block.name), input: boundedInput(block.input) }
      return { type: 'agent.tool_use', data }
    }
    default:
      return undefined
  }
}

function toolResult(block: Record<string, unknown>): AgentEvent {
  const parts = typeof block.content === 'string' ? [block.content] : list(block.content).map(partText)
  const data = {
    toolUseId: label(block.tool_use_id),
    content: bounded(parts.join('\n')),
    isError: block.is_error === true,
  }
  return { type: 'agent.tool_result', data }
}

function partText(part: unknown): string {
  const block = object(part)
  return block?.type === 'text' ? text(block.text) : `[${label(block?.type) || 'unknown content'}]`
}

/** An input that is too long is no object any more, but the start of its JSON. */
function boundedInput(input: unknown): unknown {
  const json = JSON.stringify(input ?? {})
  const kept = bounded(json)
  return kept === json ? (input ?? {}) : kept
}

const retrying = (line: Record<string, unknown>): AgentEvent => ({
  type: 'agent.retrying',
  data: {
    attempt: number(line.attempt),
    maxRetries: number(line.max_retries),
    error: bounded(text(line.error)) || null,
  },
})
