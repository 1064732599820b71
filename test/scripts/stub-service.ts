import { rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'

// Stands in for src/main.ts: says what reaches it, and whether Redis answers at its very end.
const { PID_FILE = '', PORT = '0', REDIS_URL = '' } = process.env
let signals = 0

function onSignal(signal: string) {
  signals += 1
  console.log(`signal ${signals}: ${signal}`)
  if (signals === 1) setTimeout(end, 300)
}

function end() {
  const socket = connect(Number(new URL(REDIS_URL).port), '127.0.0.1', () => socket.write('PING\r\n'))
  socket.once('error', (error) => finish(error.message))
  socket.once('data', (data) => finish(data.toString().trim()))
}

function finish(answer: string) {
  console.log(`redis at the end: ${answer}`)
  rmSync(PID_FILE)
  process.exit(7)
}

process.on('SIGINT', onSignal)
process.on('SIGTERM', onSignal)
createServer((_, response) => response.end('started')).listen(Number(PORT), '127.0.0.1', () => {
  writeFileSync(PID_FILE, String(process.pid))
  console.log(`service ${process.pid}`)
})
