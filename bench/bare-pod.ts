/** What Baton is measured against: fastify and BullMQ with nothing around them. `PORT` in the first line of stdout. */
import { Queue, Worker } from 'bullmq'
import Fastify from 'fastify'
import { Redis } from 'ioredis'

const [url = '', countText = '50', role = 'accept'] = process.argv.slice(2)
const connection = new Redis(url, { maxRetriesPerRequest: null })
const names = Array.from({ length: Number(countText) }, (_, i) => `c-${i}`)

if (role === 'accept') {
  const queues = new Map(names.map((name) => [name, new Queue(name, { connection })]))
  const app = Fastify()
  app.post<{ Params: { name: string }; Body: { text: string } }>(
    '/:name',
    async ({ params, body }, reply) => {
      const { id } =
        (await queues.get(params.name)?.add('instruction', body, { jobId: crypto.randomUUID() })) ?? {}
      return reply.code(202).send({ id })
    },
  )
  console.log(await app.listen({ port: 0, host: '127.0.0.1' }))
} else {
  // Three parameters, one job at a time and nothing kept: as a lane of Baton.
  const work = async (job: { id?: string | undefined }, _token?: string, _signal?: AbortSignal) => job.id
  const options = { connection, removeOnComplete: { count: 0 }, autorun: false }
  const workers = names.map((name) => new Worker(name, work, options))
  await Promise.all(workers.map((worker) => worker.waitUntilReady()))
  process.once('SIGUSR2', () => {
    for (const worker of workers) worker.run().catch(console.error)
  })
  console.log('ready')
}
