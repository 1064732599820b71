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

/** Carries out one directive; rejects with an AbortError when interrupted. `fail` is the turn's own affair. */
export async function perform(directive: Directive, stage: Stage): Promise<void> {
  const { signal, say } = stage
  switch (directive.do) {
    case 'sleep':
      return setTimeout(directive.ms, undefined, { signal })
    case 'tool':
      return useTool(directive.ms, stage)
    case 'say':
      return say(directive.text)
    case 'bytes':
      return say('x'.repeat(directive.count))
    case 'env':
      return say(
        `${directive.name} is ${process.env[directive.name] === undefined ? 'not visible' : 'visible'}`,
      )
    case 'spawn child':
      return say(`child ${spawnChild()}`)
    case 'ignore signals':
      return stage.ignoreSignals()
    case 'crash once':
      return stage.isFirstRun ? process.exit(70) : undefined
    case 'crash':
      return process.exit(70)
    case 'hang':
      return new Promise(() => {})
    case 'freeze':
      return void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    case 'fail':
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
