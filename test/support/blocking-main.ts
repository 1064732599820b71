/** The real service; SIGUSR2 blocks its event loop for as long as `BLOCK_MS` says. */
import process from 'node:process'
import { createApp } from '../../src/app.ts'
import { runService } from '../../src/service.ts'

const blockMs = Number(process.env.BLOCK_MS ?? 5000)

process.on('SIGUSR2', () => {
  process.stdout.write('{"msg":"Blocked"}\n')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMs)
  process.stdout.write('{"msg":"Unblocked"}\n')
})

await runService({ process, createApp })
