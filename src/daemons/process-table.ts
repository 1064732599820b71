import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { markerName } from './environment.ts'

export interface ProcessEntry {
  pid: number
  ppid: number
  pgid: number
  /** Session id; where it cannot be read, the process group again. */
  sid: number
  isZombie: boolean
  /** Differs between two processes that had the same pid. */
  startTime: string
  /** Id of the daemon it belongs to, as its environment says. */
  daemonId: string | undefined
}

const hasProc = existsSync('/proc/self/environ')

/** Every process of this machine (of this pid namespace, on Linux). */
export const readProcesses = (): ProcessEntry[] =>
  hasProc
    ? readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? fromProc(Number(name)) : []))
    : fromPs()

/** The start time of one process, `undefined` when there is none. */
export const startTimeOf = (pid: number): string | undefined =>
  (hasProc ? fromProc(pid) : fromPs().filter((entry) => entry.pid === pid))[0]?.startTime

function fromProc(pid: number): ProcessEntry[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may hold blanks and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [ppid, pgid, sid] = fields.slice(1, 4).map(Number)
    const isZombie = fields[0] === 'Z' || fields[0] === 'X'
    const entry = {
      pid,
      ppid: ppid ?? 0,
      pgid: pgid ?? 0,
      sid: sid ?? 0,
      isZombie,
      startTime: fields[19] ?? '',
    }
    return [{ ...entry, daemonId: isZombie ? undefined : markerOf(pid) }]
  } catch {
    return [] // It ended meanwhile.
  }
}

function markerOf(pid: number): string | undefined {
  try {
    const environment = `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`
    const from = environment.indexOf(`\0${markerName}=`)
    if (from < 0) return undefined
    const value = environment.slice(from + markerName.length + 2)
    return value.slice(0, value.indexOf('\0'))
  } catch {
    return undefined // Another user's process.
  }
}

function fromPs(): ProcessEntry[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,pgid=,stat=,lstart='], {
    encoding: 'utf8',
    timeout: 2000,
  })
  return lines.split('\n').flatMap((line) => {
    const [pid, ppid, pgid, stat, ...start] = line.trim().split(/\s+/)
    if (pid === undefined || pid === '' || stat === undefined) return []
    const isZombie = stat.startsWith('Z')
    const group = Number(pgid)
    return [
      {
        pid: +pid,
        ppid: Number(ppid),
        pgid: group,
        sid: group,
        isZombie,
        startTime: start.join(' '),
        daemonId: undefined,
      },
    ]
  })
}
