/**
 * The real service with one part broken, as `FAULT` says: `<component>:throw`, `<component>:hang`,
 * `<component>:slow-start`, `app:slow`, `http:die-answering` (killed when a submit has been accepted). SIGUSR2 is an uncaught exception, SIGHUP an unhandled rejection.
 */
import { once } from 'node:events'
import process from 'node:process'
import { createApp } from '../../src/app.ts'
import type { Component } from '../../src/lifecycle.ts'
import { runService } from '../../src/service.ts'

const [name = '', fault = ''] = (process.env.FAULT ?? '').split(':')
const never = () => new Promise<never>(() => {})

function breakStop(component: Component): Component {
  if (component.name !== name || name === 'http') return component
  if (fault === 'slow-start') {
    const start = (signal: AbortSignal) =>
      new Promise<void>((_, reject) =>
        signal.addEventListener('abort', () => reject(new Error('start was given up'))),
      )
    return { ...component, start }
  }
  const stop = fault === 'hang' ? never : () => Promise.reject(new Error('broken on purpose'))
  return { ...component, stop }
}

process.on('SIGUSR2', () => {
  throw new Error('thrown on purpose')
})
process.on('SIGHUP', () => {
  // oxlint-disable-next-line typescript/no-floating-promises -- that nobody has it is what this is for
  Promise.reject(new Error('rejected on purpose'))
})

await runService({
  process,
  async createApp(...parts) {
    if (name !== 'app') return createApp(...parts)
    process.stdout.write('{"msg":"Building"}\n')
    const alive = setInterval(() => {}, 1000)
    await once(process, 'SIGTERM')
    clearInterval(alive)
    return createApp(...parts)
  },
  adapt(components, app) {
    if (fault === 'die-answering') {
      app.server.prependListener('request', (request, response) => {
        if (request.url?.endsWith('/instructions') !== true) return
        response.writeHead = () => process.kill(process.pid, 'SIGKILL') as never
      })
    }
    if (name === 'http') {
      app.server.close = () => {
        if (fault === 'throw') throw new Error('broken on purpose')
        return app.server
      }
    }
    return components.map(breakStop)
  },
})
