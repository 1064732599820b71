import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { mkdtemp, readFile, rm, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const root = fileURLToPath(new URL('../../', import.meta.url))
export const deploy = (path: string) => join(root, 'deploy', path)
export const readDeploy = (path: string) => readFile(deploy(path), 'utf8')
const runFile = promisify(execFile)

/** Runs a program to its end; what it said is in the error. */
export async function run(path: string, args: string[], options: { cwd?: string } = {}) {
  return runFile(path, args, options).catch((error: Error & { stdout?: string }) => {
    throw new Error(`${error.message}\n${error.stdout}`, { cause: error })
  })
}

/** Where `scripts/test.sh` puts what Debian does not have. */
const places = [
  ...(process.env.PATH ?? '').split(delimiter),
  '/usr/sbin',
  '/usr/local/sbin',
  join(root, '.tools/bin'),
]

/** The path of an executable, or what a test says when it is skipped. */
export function findTool(name: string): { path: string; skip: false } | { path: ''; skip: string } {
  for (const place of places.filter(Boolean)) {
    const path = join(place, name)
    try {
      accessSync(path, constants.X_OK)
      return { path, skip: false }
    } catch {
      // Not here.
    }
  }
  return { path: '', skip: `${name} is not installed` }
}

/** A directory that other users may read (nginx gives up root), gone with the test. */
export async function temporary(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'baton-deploy-'))
  await chmod(dir, 0o755)
  t.after(() => rm(dir, { recursive: true, force: true, maxRetries: 3 }))
  return dir
}

/** A program that runs as long as the test. */
export function start(t: TestContext, path: string, args: string[]) {
  const child: ChildProcess = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-8000)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  const exited = once(child, 'close')
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    const killing = setTimeout(() => child.kill('SIGKILL'), 3000)
    await exited
    clearTimeout(killing)
  })
  return { output: () => output, hasEnded: () => child.exitCode !== null || child.signalCode !== null }
}
