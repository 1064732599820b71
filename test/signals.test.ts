import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { pino } from 'pino'
import { watchForEnd } from '../src/signals.ts'

function watched() {
  const exits: number[] = []
  const messages: string[] = []
  const process = Object.assign(new EventEmitter(), { exit: (code: number) => exits.push(code) })
  const write = (line: string) => messages.push((JSON.parse(line) as { msg: string }).msg)
  const outside = watchForEnd(process as unknown as NodeJS.Process, pino({}, { write }))
  const heard: [string, boolean][] = []
  const listen = () => outside.onEnd((...end) => heard.push(end))
  return { process, exits, messages, heard, listen }
}

test('a second signal of either kind exits at once', () => {
  const { process, exits, messages, heard, listen } = watched()
  listen()
  process.emit('SIGTERM')
  assert.deepEqual(exits, [])
  process.emit('SIGINT')
  assert.deepEqual(exits, [1])
  assert.deepEqual(messages, ['Second signal, exiting at once'])
  assert.deepEqual(heard, [['SIGTERM', false]])
})

test('what came before anyone listened is told later, a second signal is not waited for', () => {
  const { process, exits, heard, listen } = watched()
  process.emit('SIGINT')
  assert.deepEqual(heard, [])
  listen()
  assert.deepEqual(heard, [['SIGINT', false]])
  process.emit('SIGINT')
  assert.deepEqual(exits, [1])
})

test('errors that nobody caught are logged and told, each one, and are no signals', () => {
  const { process, exits, messages, heard, listen } = watched()
  listen()
  process.emit('uncaughtException', new Error('one'))
  process.emit('unhandledRejection', 'two')
  process.emit('SIGTERM')
  assert.deepEqual(exits, [])
  assert.deepEqual(messages, ['Uncaught exception', 'Unhandled rejection'])
  assert.deepEqual(heard, [
    ['Uncaught exception', true],
    ['Unhandled rejection', true],
    ['SIGTERM', false],
  ])
})
