import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { TreeKiller } from './process-tree.ts'

export interface ExitInfo {
  code: number | null
  signal: NodeJS.Signals | null
}

/** Bytes to and from an agent, wherever it runs. */
export interface Channel {
  pid: number
  stdin: Writable
  stdout: Readable
  stderr: Readable
  /** The agent's own process has ended; children of it may still live. */
  exited: Promise<ExitInfo>
  signal(name: NodeJS.Signals): void
  /** SIGKILL for the whole tree; resolves with the pids that are alive after `ms`. */
  killTree(ms?: number): Promise<number[]>
}

/** An agent as a child process, in a session of its own. Rejects when it cannot be run at all. */
export async function openLocalChannel(spec: {
  command: string
  args: string[]
  cwd: string
  env: NodeJS.ProcessEnv
  daemonId: string
  killer: TreeKiller
}): Promise<Channel> {
  const { command, args, cwd, env, daemonId, killer } = spec
  const child = spawn(command, args, { cwd, env, stdio: 'pipe', detached: true })
  let hasExited = false
  const exited = new Promise<ExitInfo>((resolve) => {
    child.once('exit', (code, signal) => {
      hasExited = true
      resolve({ code, signal })
    })
  })
  // Writing to an agent that has ended is no error of ours: its exit says it.
  child.stdin.on('error', () => {})
  await once(child, 'spawn')
  const pid = child.pid as number
  // Once it has exited, its pid may be another process's.
  const root = () => ({ daemonId, pid: hasExited ? undefined : pid })
  const unwatch = killer.watch(root)
  return {
    pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    signal: (name) => void child.kill(name),
    async killTree(ms) {
      const left = await killer.kill(root, ms)
      if (left.length === 0) unwatch()
      return left
    },
  }
}
