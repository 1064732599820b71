import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { Directive } from './directives.ts'

export interface Stage {
  signal: AbortSignal
  isFirstRun: boolean
  say(text: string): void
  toolUse(id: string, name: string, input: object): void
  toolResult(id: string, content: string, isError: boolean): void
  ignoreSignals(): void
}

/** Carries out one directive; rejects with an AbortError when interrupted. `true`: the turn has to fail. */
export async function perform(directive: Directive, stage: Stage): Promise<boolean> {
  const { signal, say } = stage
  switch (directive.do) {
    case 'sleep':
      await setTimeout(directive.ms, undefined, { signal })
      return false
    case 'tool':
      await useTool(directive.ms, stage)
      return false
    case 'say':
      say(directive.text)
      return false
    case 'bytes':
      say('x'.repeat(directive.count))
      return false
    case 'env':
      say(`${directive.name} is ${process.env[directive.name] === undefined ? 'not visible' : 'visible'}`)
      return false
    case 'spawn child':
      say(`child ${spawnChild()}`)
      return false
    case 'ignore signals':
      stage.ignoreSignals()
      return false
    case 'crash once':
      if (!stage.isFirstRun) return false
      return process.exit(70)
    case 'crash':
      return process.exit(70)
    case 'hang':
      return new Promise(() => {})
    case 'freeze':
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
      return false
    case 'fail':
      return true
  }
}

async function useTool(ms: number, { signal, toolUse, toolResult }: Stage) {
  const id = `toolu_${randomUUID().replaceAll('-', '').slice(0, 22)}`
  toolUse(id, 'Wait', { ms })
  try {
    await setTimeout(ms, undefined, { signal })
  } catch (error) {
    toolResult(id, 'interrupted', true)
    throw error
  }
  toolResult(id, `waited ${ms} ms`, false)
}

/** Leaves a child in a session of its own that holds the agent's stdout open: what a careless tool does. */
function spawnChild(): number | undefined {
  const child = spawn('sleep', ['3600'], { detached: true, stdio: ['ignore', 'inherit', 'inherit'] })
  child.unref()
  return child.pid
}
