import { readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'

/** The hash tag keeps every key of the service in one slot of a Redis Cluster. */
export const keyPrefix = '{baton}'

const files = {
  append: 'append.lua',
  announce: 'announce.lua',
  accept: '../queues/accept.lua',
  start: '../queues/start.lua',
  finish: '../queues/finish.lua',
  interrupt: '../queues/interrupt.lua',
  cancel: '../queues/cancel.lua',
  edit: '../queues/edit.lua',
  clear: '../queues/clear.lua',
  decide: '../queues/decide.lua',
  register: '../queues/register.lua',
  forget: '../queues/forget.lua',
  control: '../queues/control.lua',
  restore: '../queues/restore.lua',
  renew: '../queues/renew.lua',
  remember: '../queues/remember.lua',
  lane: '../queues/lane.lua',
  session: '../queues/session.lua',
  sessionStarted: '../queues/session-started.lua',
  recovery: '../health/recovery.lua',
  heartbeat: '../ownership/heartbeat.lua',
  claim: '../ownership/claim.lua',
  release: '../ownership/release.lua',
  leave: '../ownership/leave.lua',
  orphans: '../ownership/orphans.lua',
  pods: '../ownership/pods.lua',
} as const

export type ScriptName = keyof typeof files
export type Reply = string | number | null | Reply[]
/** Runs a script on its connection; the first item of the answer says the outcome. */
export type RunScript = (name: ScriptName, ...args: (string | number)[]) => Promise<Reply[]>

const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8')

/** Every atomic step of the service, on one connection. */
export function createScripts(redis: Redis): RunScript {
  const prelude = read('prelude.lua')
  for (const [name, file] of Object.entries(files)) {
    redis.defineCommand(commandName(name), { numberOfKeys: 1, lua: `${prelude}\n${read(file)}` })
  }
  return (name, ...args) => {
    const command = Reflect.get(redis, commandName(name)) as (
      ...args: (string | number)[]
    ) => Promise<Reply[]>
    return command.call(redis, keyPrefix, ...args)
  }
}

const commandName = (name: string) => `baton:${name}`
