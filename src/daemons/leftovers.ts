import { mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { startTimeOf } from './process-table.ts'
import { createTreeKiller, type TreeKiller } from './process-tree.ts'

/** Written beside an agent, so that a later service finds it after this one was killed. */
interface DaemonRecord {
  daemonId: string
  pid: number | null
  startTime: string | null
  /** Pids mean something only on the same boot of the same machine, in the same pid namespace. */
  place: string
  servicePid: number
  serviceStartTime: string | null
}

const pathOf = (workspace: string) => join(workspace, '.baton', 'daemon.json')

/** `pid` is `null` shortly before the agent is spawned: its marker alone already finds it. */
export function writeRecord(workspace: string, daemonId: string, pid: number | null) {
  const startTime = pid === null ? null : (startTimeOf(pid) ?? null)
  const service = { servicePid: process.pid, serviceStartTime: startTimeOf(process.pid) ?? null }
  const record: DaemonRecord = { daemonId, pid, startTime, place: place(), ...service }
  mkdirSync(join(workspace, '.baton'), { recursive: true })
  writeFileSync(pathOf(workspace), JSON.stringify(record))
}

export const removeRecord = (workspace: string) => rmSync(pathOf(workspace), { force: true })

/** Kills what an earlier service left running in this workspace, and waits for its end; rejects when it stays. */
export async function endLeftover(workspace: string, killer: TreeKiller): Promise<boolean> {
  const record = readRecord(workspace)
  if (record === undefined) return false
  const { daemonId, pid, startTime } = record
  const root = () => ({ daemonId, pid: pid !== null && startTimeOf(pid) === startTime ? pid : undefined })
  const left = await killer.kill(root, 5000)
  if (left.length > 0) throw new Error(`processes of an earlier agent cannot be ended: ${left.join(', ')}`)
  removeRecord(workspace)
  return true
}

/** For the start of the service: ends every agent whose service is gone. Resolves with the containers looked after. */
export async function sweepLeftovers(workspacesDir: string): Promise<string[]> {
  const killer = createTreeKiller()
  const orphans = containersIn(workspacesDir).filter((name) => {
    const record = readRecord(join(workspacesDir, name))
    return record !== undefined && (startTimeOf(record.servicePid) ?? null) !== record.serviceStartTime
  })
  const ended = await Promise.all(orphans.map((name) => endLeftover(join(workspacesDir, name), killer)))
  return orphans.filter((_, index) => ended[index])
}

function readRecord(workspace: string): DaemonRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(pathOf(workspace), 'utf8')) as DaemonRecord
    return record.place === place() && typeof record.daemonId === 'string' ? record : undefined
  } catch {
    return undefined // None, or cut off while it was written: the agent was not spawned yet.
  }
}

function containersIn(workspacesDir: string): string[] {
  try {
    return readdirSync(workspacesDir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
  } catch {
    return []
  }
}

function place(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
}
