import { readFileSync, rmSync, writeFileSync } from 'node:fs'

export function writePidFile(path: string, pid: number) {
  if (path !== '') writeFileSync(path, `${pid}\n`)
}

/** Only one that is still ours: a service that started meanwhile keeps its own. */
export function removePidFile(path: string, pid: number) {
  if (path === '') return
  try {
    if (readFileSync(path, 'utf8').trim() === String(pid)) rmSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
