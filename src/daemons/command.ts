import { fileURLToPath } from 'node:url'
import { type Config, splitWords } from '../config.ts'

const streamJson = [
  '-p',
  '--input-format',
  'stream-json',
  '--output-format',
  'stream-json',
  '--verbose',
  '--include-partial-messages',
]

/** The program to run and its arguments, up to the session. */
export function agentCommand(config: Pick<Config, 'AGENT_COMMAND' | 'AGENT_ARGS'>): {
  command: string
  args: string[]
} {
  const args = [...splitWords(config.AGENT_ARGS), ...streamJson]
  if (config.AGENT_COMMAND !== 'demo') return { command: config.AGENT_COMMAND, args }
  // The built service runs the built demo agent.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const main = fileURLToPath(new URL(`../agents/demo/main.${extension}`, import.meta.url))
  return { command: process.execPath, args: [main, ...args] }
}
