import { Agent, request } from 'node:http'
import { setTimeout } from 'node:timers/promises'

export interface Answer {
  status: number
  body: string
}

export interface Failure {
  at: string
  what: string
  reason: string
}

const timeoutMs = 30_000

/** One request, never repeated. `agent` false: a connection of its own. */
export function send(
  base: string,
  options: { method: string; path: string; body?: object; agent: Agent | false; token: string | undefined },
): Promise<Answer> {
  const { method, path, body, agent, token } = options
  const text = body === undefined ? '' : JSON.stringify(body)
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
  }
  return new Promise((resolve, reject) => {
    const sent = request(`${base}${path}`, { method, agent, headers, timeout: timeoutMs }, (response) => {
      let received = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        received += chunk
      })
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: received }))
    })
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)))
    sent.on('error', reject)
    sent.end(text)
  })
}

/** Counts every request of the load; a failure is one that a user would see: no answer, or a status of 400 and more. */
export function createCounter() {
  const failures: Failure[] = []
  let requests = 0
  let slowestMs = 0
  return {
    failures,
    requests: () => requests,
    slowestMs: () => slowestMs,
    /** `undefined` if it failed. */
    async count(what: string, sending: () => Promise<Answer>): Promise<Answer | undefined> {
      requests += 1
      const startedAt = performance.now()
      try {
        const answer = await sending()
        slowestMs = Math.max(slowestMs, performance.now() - startedAt)
        if (answer.status < 400) return answer
        failures.push({ at: new Date().toISOString(), what, reason: `${answer.status} ${answer.body}` })
      } catch (error) {
        failures.push({ at: new Date().toISOString(), what, reason: (error as Error).message })
      }
      return undefined
    },
  }
}

export type Counter = ReturnType<typeof createCounter>

/** Reads at a constant rate, whatever the answers take; half of them over connections that are kept. */
export function startReads(
  base: string,
  options: { perSecond: number; paths: string[]; token: string | undefined; counter: Counter },
) {
  const { perSecond, paths, token, counter } = options
  const kept = new Agent({ keepAlive: true, maxSockets: 20 })
  const stop = new AbortController()
  const open = new Set<Promise<unknown>>()

  async function run() {
    const startedAt = performance.now()
    for (let index = 0; !stop.signal.aborted; index += 1) {
      const waitMs = startedAt + (index * 1000) / perSecond - performance.now()
      if (waitMs > 0) await setTimeout(waitMs)
      const path = paths[index % paths.length] ?? '/'
      const agent = index % 2 === 0 && kept
      const what = `GET ${path}${agent === false ? '' : ' (keep-alive)'}`
      const reading = counter.count(what, () => send(base, { method: 'GET', path, agent, token }))
      open.add(reading)
      void reading.then(() => open.delete(reading)).catch(() => {})
    }
    await Promise.all(open)
    kept.destroy()
  }

  const running = run()
  return {
    async stop() {
      stop.abort()
      await running
    },
  }
}
