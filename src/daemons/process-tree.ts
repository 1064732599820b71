import { setTimeout } from 'node:timers/promises'
import { type ProcessEntry, readProcesses } from './process-table.ts'

/** What is known of a daemon's tree: its marker and, while it lives for certain, its first process. */
export interface TreeRoot {
  daemonId: string
  pid?: number | undefined
}

/**
 * Every living process of the tree: those marked as the daemon's, and all that descend from one of them or share its
 * session or group. A process that dropped the marker, its parent, its session and its group is not found.
 */
export function treeOf({ daemonId, pid }: TreeRoot, processes: ProcessEntry[]): number[] {
  const tree = new Set(
    processes.filter((entry) => entry.daemonId === daemonId || entry.pid === pid).map((e) => e.pid),
  )
  for (let before = -1; before < tree.size; ) {
    before = tree.size
    for (const entry of processes) {
      if (tree.has(entry.ppid) || tree.has(entry.pgid) || tree.has(entry.sid)) tree.add(entry.pid)
    }
  }
  const isAlive = new Set(processes.filter((entry) => !entry.isZombie).map((entry) => entry.pid))
  return [...tree].filter((member) => isAlive.has(member) && member !== process.pid)
}

/** Looking at the process table blocks the event loop, so of the time at most a third is spent on it. */
const pauseFactor = 2
const shortestPauseMs = 5

/** Kills trees; many asked for at about the same time share one look at the process table. */
export function createTreeKiller(read: () => ProcessEntry[] = readProcesses) {
  let next: Promise<ProcessEntry[]> | undefined
  let lookMs = 0
  const watched = new Set<() => TreeRoot>()

  function look(): Promise<ProcessEntry[]> {
    next ??= setTimeout(Math.max(shortestPauseMs, pauseFactor * lookMs)).then(() => {
      next = undefined
      const startedAt = performance.now()
      const processes = read()
      lookMs = performance.now() - startedAt
      return processes
    })
    return next
  }

  return {
    /** Until it is told otherwise, `killAllNow` means this tree too. */
    watch(root: () => TreeRoot): () => void {
      watched.add(root)
      return () => watched.delete(root)
    },
    /** For a process that ends at once: no waiting, so a few looks for what forks meanwhile. */
    killAllNow() {
      for (let pass = 0; pass < 3 && watched.size > 0; pass += 1) {
        const processes = read()
        const left = [...watched].flatMap((root) => treeOf(root(), processes))
        if (left.length === 0) return
        for (const pid of left) kill(pid)
      }
    },
    /** SIGKILL until nothing is left, as processes may fork meanwhile. Resolves with those still alive after `ms`. */
    async kill(root: () => TreeRoot, ms = 3000): Promise<number[]> {
      const endsAt = performance.now() + ms
      for (;;) {
        const left = treeOf(root(), await look())
        if (left.length === 0 || performance.now() > endsAt) return left
        for (const pid of left) kill(pid)
        await setTimeout(10)
      }
    },
  }
}

export type TreeKiller = ReturnType<typeof createTreeKiller>

function kill(pid: number) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended meanwhile, or is another user's: the next look tells.
  }
}
