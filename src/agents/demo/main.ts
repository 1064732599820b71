#!/usr/bin/env node
/**
 * The demo agent: an executable that speaks Claude Code's stream-json on stdin and stdout, with no key and no network.
 * It echoes, counts turns, obeys the directives of `directives.ts` and keeps a transcript that it resumes from.
 */
import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import { createOutput } from './output.ts'
import { openTranscript } from './transcript.ts'
import { type Message, runTurn } from './turn.ts'

const option = (name: string) => {
  const index = process.argv.findIndex((word) => word === name || word.startsWith(`${name}=`))
  const word = process.argv[index]
  if (index < 0 || word === undefined) return undefined
  return word.includes('=') ? word.slice(name.length + 1) : process.argv[index + 1]
}

const resumeId = option('--resume')
const sessionId = resumeId ?? option('--session-id') ?? randomUUID()
if (!/^[\w-]{1,64}$/.test(sessionId)) refuseStart('Error: Invalid session ID. Must be a valid UUID.')
const transcript = openTranscript(process.cwd(), sessionId)
if (resumeId !== undefined && !transcript.exists)
  refuseStart(`No conversation found with session ID: ${sessionId}`)
if (resumeId === undefined && transcript.exists)
  refuseStart(`Error: Session ID ${sessionId} is already in use.`)

const output = createOutput(sessionId, transcript, process.argv.includes('--include-partial-messages'))
const queue: Message[] = []
let current: { message: Message; abort: AbortController } | undefined
let isInputOver = false
let isIgnoring = false
let exitCode = 0
/** Set while the process lives on although its input is over. */
let stayAlive: NodeJS.Timeout | undefined

function refuseStart(why: string): never {
  process.stderr.write(`${why}\n`)
  process.exit(1)
}

async function work() {
  while (current === undefined) {
    const message = queue.shift()
    if (message === undefined) break
    const abort = new AbortController()
    current = { message, abort }
    await runTurn(message, { output, transcript, signal: abort.signal, ignoreSignals })
    current = undefined
  }
  if (current === undefined && isInputOver && !isIgnoring) process.exit(exitCode)
}

function ignoreSignals() {
  isIgnoring = true
  stayAlive ??= setInterval(() => {}, 60_000)
}

interface Line {
  type?: string
  uuid?: string
  instruction_id?: string
  message?: { content?: string | { text?: string }[] }
  request_id?: string
  request?: { subtype?: string }
}

function receive(text: string) {
  if (text.trim() === '') return
  let line: Line
  try {
    line = JSON.parse(text) as Line
  } catch {
    return refuseStart(`Error parsing streaming input line: ${text.slice(0, 100)}`)
  }
  if (line.type === 'control_request') return control(line.request_id, line.request?.subtype)
  if (line.type !== 'user') return
  const content = line.message?.content ?? ''
  const uuid = line.uuid ?? randomUUID()
  const said = typeof content === 'string' ? content : content.map((block) => block.text ?? '').join('\n')
  if (transcript.hasEnded(uuid)) return void output.lifecycle(uuid, 'completed')
  output.lifecycle(uuid, 'queued')
  queue.push({ uuid, turn: line.instruction_id ?? uuid, text: said })
  work().catch(crash)
}

function control(requestId: unknown, subtype: string | undefined) {
  switch (subtype) {
    case 'initialize':
      return output.answer(requestId, {
        commands: [],
        models: [],
        pid: process.pid,
        capabilities: ['msg_lifecycle_v1'],
      })
    case 'get_binary_version':
      return output.answer(requestId, { version: 'demo' })
    case 'interrupt':
      output.answer(requestId, { still_queued: [] })
      return current?.abort.abort()
    case 'end_session':
      output.answer(requestId, {})
      exitCode = current === undefined ? 0 : 1
      return end()
    default:
      return output.refuse(requestId, `Unsupported control request subtype: ${subtype}`)
  }
}

/** Ends the turn, if there is one, and then the process; a turn that hangs does not hold it up. */
function end() {
  isInputOver = true
  queue.length = 0
  if (current === undefined) process.exit(exitCode)
  current.abort.abort()
  setTimeout(() => process.exit(exitCode), 200).unref()
}

function crash(error: unknown) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  process.exit(1)
}

process.on('SIGINT', () => isIgnoring || end())
process.on('SIGTERM', () => isIgnoring || process.exit(143))
process.on('SIGHUP', () => isIgnoring || process.exit(129))
// Whoever read stdout is gone: the turn still runs to its end, as with Claude Code.
process.stdout.on('error', () => {})
createInterface({ input: process.stdin })
  .on('line', receive)
  .on('close', () => {
    isInputOver = true
    stayAlive = setInterval(() => {}, 60_000)
    work().catch(crash)
  })
