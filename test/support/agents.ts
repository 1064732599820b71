import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import type { TestContext } from 'node:test'

const everyMs = 100

/** Watches the processes of this machine for two agents that live in one workspace at the same time. */
export function watchAgents(t: TestContext, workspacesDir: string) {
  const overlaps = new Set<string>()
  const agentPids = () => {
    const byWorkspace = new Map<string, number[]>()
    for (const name of readdirSync('/proc')) {
      const pid = Number(name)
      if (!Number.isInteger(pid)) continue
      try {
        const cwd = readlinkSync(`/proc/${pid}/cwd`)
        if (!cwd.startsWith(workspacesDir)) continue
        if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('agents/demo/main.ts')) continue
        const workspace = cwd.slice(workspacesDir.length + 1)
        byWorkspace.set(workspace, [...(byWorkspace.get(workspace) ?? []), pid])
      } catch {
        // Ended meanwhile.
      }
    }
    return byWorkspace
  }

  const timer = setInterval(() => {
    for (const [workspace, pids] of agentPids())
      if (pids.length > 1) overlaps.add(`${workspace}: ${pids.join(', ')}`)
  }, everyMs)
  timer.unref()
  t.after(() => {
    clearInterval(timer)
    for (const pid of [...agentPids().values()].flat()) kill(pid)
  })
  return {
    overlaps,
    pids: (containerId: string) => agentPids().get(containerId) ?? [],
    /** Ends the agents of a pod that was killed: in a cluster they are in its container and die with it. */
    killOf(servicePid: number) {
      const own = [...agentPids().values()].flat().filter((pid) => parentOf(pid) === servicePid)
      return () => own.forEach(kill)
    },
  }
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1])
  } catch {
    return undefined
  }
}

/** An agent of a pod that was killed and that nobody took over. */
function kill(pid: number) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Ended meanwhile.
  }
}
