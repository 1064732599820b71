import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export interface TestRedis {
  url: string
  port: number
  dir: string
  pid(): number
  /** Ends the server with a signal and waits for its end. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again on the same port and files. */
  start(): Promise<void>
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** A real Redis of this test's own: free port, own directory, append-only file, gone with the test. */
export async function startRedis(t: TestContext): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'baton-redis-'))
  const port = await freePort()
  let child: ChildProcess | undefined

  async function start() {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir]
    const aof = [
      '--appendonly',
      'yes',
      '--appendfsync',
      'everysec',
      '--save',
      '',
      '--maxmemory-policy',
      'noeviction',
    ]
    const started = spawn('redis-server', [...args, ...aof], { stdio: ['ignore', 'pipe', 'inherit'] })
    child = started
    await new Promise<void>((resolve, reject) => {
      started.once('error', reject)
      started.once('exit', (code) => reject(new Error(`redis-server exited with ${code}`)))
      started.stdout.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('Ready to accept connections')) resolve()
      })
    })
  }

  async function kill(signal: NodeJS.Signals = 'SIGKILL') {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await exited
  }

  await start()
  t.after(async () => {
    await kill('SIGKILL')
    await rm(dir, { recursive: true, force: true })
  })
  return { url: `redis://127.0.0.1:${port}`, port, dir, pid: () => child?.pid ?? 0, kill, start }
}
