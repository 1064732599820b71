import { Agent, request } from 'node:http'

export interface Failure {
  what: string
  reason: string
}

/** One request, no retry. */
function send(base: string, agent: Agent | false, method: string, path: string, body?: object) {
  const text = body === undefined ? '' : JSON.stringify(body)
  const headers =
    body === undefined ? {} : { 'content-type': 'application/json', 'content-length': text.length }
  return new Promise<number>((resolve, reject) => {
    const sent = request(`${base}${path}`, { method, agent, headers, timeout: 20_000 }, (response) => {
      response.on('error', reject)
      response.on('end', () => resolve(response.statusCode ?? 0))
      response.resume()
    })
    sent.on('timeout', () => sent.destroy(new Error('no answer within 20 s')))
    sent.on('error', reject)
    sent.end(text)
  })
}

/** Reads and submits without retries until it is stopped; half of the clients keep their connection. */
export function startRequests(base: string, containers: string[], clients: number) {
  const failures: Failure[] = []
  let sent = 0
  let isStopped = false

  async function one(agent: Agent | false, method: string, path: string, body?: object) {
    const what = `${method} ${path}${agent === false ? '' : ' (keep-alive)'}`
    sent += 1
    try {
      const status = await send(base, agent, method, path, body)
      if (status >= 400 && status !== 429) failures.push({ what, reason: `status ${status}` })
    } catch (error) {
      failures.push({ what, reason: (error as Error).message })
    }
  }

  async function client(index: number) {
    const agent = index % 2 === 0 && new Agent({ keepAlive: true, maxSockets: 1 })
    const container = `/v1/containers/${containers[index % containers.length]}`
    for (let turn = 0; !isStopped; turn += 1) {
      await one(agent, 'GET', container)
      await one(agent, 'GET', `${container}/queue`)
      if (turn % 5 === 0) await one(agent, 'POST', `${container}/instructions`, { text: 'say hello' })
    }
    if (agent !== false) agent.destroy()
  }

  const running = Promise.all(Array.from({ length: clients }, (_, index) => client(index)))
  return {
    sent: () => sent,
    failures,
    async stop() {
      isStopped = true
      await running
    },
  }
}
