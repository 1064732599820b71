import { execFile } from 'node:child_process'
import { readFile, readdir, readlink } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** State of a listening socket in /proc/net/tcp. */
const listening = '0A'
const maxCommand = 100

/** Who listens on a TCP port of this machine, as `command (PID n)`; `null` when that cannot be found out. */
export async function describePortOwner(port: number): Promise<string | null> {
  try {
    return process.platform === 'linux' ? await fromProc(port) : await fromLsof(port)
  } catch {
    // Only a better sentence is lost.
    return null
  }
}

async function fromProc(port: number): Promise<string | null> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')),
  )
  const rows = tables.flatMap((table) => table.split('\n').slice(1)).map((row) => row.trim().split(/\s+/))
  const inode = rows.find((row) => row[1]?.endsWith(suffix) && row[3] === listening)?.[9]
  if (inode === undefined) return null
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    if (await holdsSocket(pid, inode)) {
      const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').join(' ').trim()
      return `"${command.slice(0, maxCommand)}" (PID ${pid})`
    }
  }
  return null
}

/** Processes of others, and those that end meanwhile, cannot be read. */
async function holdsSocket(pid: string, inode: string): Promise<boolean> {
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => [])
  const links = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')))
  return links.includes(`socket:[${inode}]`)
}

async function fromLsof(port: number): Promise<string | null> {
  const { stdout } = await run('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], { timeout: 2000 })
  const pid = /^p(\d+)$/m.exec(stdout)?.[1]
  const name = /^c(.+)$/m.exec(stdout)?.[1]
  return pid === undefined ? null : `${name ?? 'a process'} (PID ${pid})`
}
