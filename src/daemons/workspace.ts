import { mkdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * The working directory of a container, made when missing. Rejects an id that is no plain name, and a directory that
 * leads elsewhere (a symbolic link an agent may have left).
 */
export async function openWorkspace(workspacesDir: string, containerId: string): Promise<string> {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(containerId) || containerId === '.' || containerId === '..') {
    throw new Error(`"${containerId}" is no container id`)
  }
  await mkdir(workspacesDir, { recursive: true })
  const root = await realpath(workspacesDir)
  const path = join(root, containerId)
  await mkdir(path, { recursive: true })
  const real = await realpath(path)
  if (real !== path) throw new Error(`the workspace of "${containerId}" is a link to ${real}`)
  return path
}
