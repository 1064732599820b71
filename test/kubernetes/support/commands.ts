import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Output {
  code: number
  stdout: string
  stderr: string
}

/** Runs a program to its end. */
export async function execute(command: string, args: string[], input = ''): Promise<Output> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code: code ?? 1, stdout, stderr }
}

async function must(command: string, args: string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await execute(command, args, input)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`)
  return stdout
}

export const kubectl = (...args: string[]) => must('kubectl', args)
export const apply = (namespace: string, manifest: string) =>
  must('kubectl', ['-n', namespace, 'apply', '-f', '-'], manifest)
export const helm = (...args: string[]) => must(process.env.HELM ?? 'helm', args)
export const read = async <T>(...args: string[]) => JSON.parse(await kubectl(...args, '-o', 'json')) as T
