import { randomUUID } from 'node:crypto'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import underPressure from '@fastify/under-pressure'
import Fastify, { type FastifyRequest, LogController } from 'fastify'
import { createAuthenticator } from '../auth/authenticator.ts'
import { serviceError } from '../errors.ts'
import { createGuard, isForThePod } from './access.ts'
import type { HttpDeps } from './deps.ts'
import { createHostCheck } from './hosts.ts'
import { createMethods } from './methods.ts'
import { docsPolicy, headerOptions, pressureOptions } from './protection.ts'
import { createRate, rateOptions } from './rate-limit.ts'
import { rawProblem, sendProblem } from './problem.ts'
import { createReading } from './reading.ts'
import { containerRoutes } from './routes/containers.ts'
import { controlRoutes } from './routes/control.ts'
import { eventRoutes } from './routes/events.ts'
import { instructionRoutes } from './routes/instructions.ts'
import { metricsRoute, podRoutes, probeRoutes } from './routes/operations.ts'
import { securitySchemes } from './security-schemes.ts'
import type { Streams } from './sse.ts'
import { compileValidator } from './validation.ts'
import type { Sockets } from './websocket/server.ts'

/** How often slow requests are looked for. */
const slowCheckMs = 1000

const isWrite = ({ method, url }: FastifyRequest) =>
  url.startsWith('/v1/') && !['GET', 'HEAD', 'OPTIONS'].includes(method)

/** Every route of the service. No hook here touches Redis, workers or the database when the server closes. */
export async function createHttpServer(deps: HttpDeps, sockets: Sockets, streams: Streams) {
  const { config, log, metrics, drain, inFlight, version } = deps
  const authenticator = createAuthenticator(config)
  const isAllowedHost = createHostCheck(config, authenticator.isRequired)
  const reading = createReading(deps)
  const app = Fastify({
    // Fastify tells of every request otherwise; it never tells more than LOG_LEVEL allows.
    loggerInstance: log.child({}, { level: log.isLevelEnabled('warn') ? 'warn' : log.level }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.MAX_BODY_BYTES,
    keepAliveTimeout: config.KEEP_ALIVE_SECONDS * 1000,
    requestTimeout: config.REQUEST_TIMEOUT_SECONDS * 1000,
    http: {
      maxHeaderSize: config.MAX_HEADER_BYTES,
      headersTimeout: Math.min(config.HEADERS_TIMEOUT_SECONDS, config.REQUEST_TIMEOUT_SECONDS) * 1000,
      connectionsCheckingInterval: slowCheckMs,
    },
    // The HTTP step ends connections, in its own budget.
    forceCloseConnections: false,
    genReqId: () => randomUUID(),
    return503OnClosing: false,
    // What the router refuses reaches no error handler.
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply),
    clientErrorHandler(error, socket) {
      log.debug({ err: error }, 'Bytes that are no HTTP request')
      if (socket.writable) socket.end(rawProblem(error))
    },
  }).withTypeProvider<TypeBoxTypeProvider>()
  const methods = createMethods()
  app.addHook('onRoute', methods.add)
  // A page of another site may send a form or plain text without asking first; JSON it may not.
  app.removeContentTypeParser('text/plain')
  app.setValidatorCompiler(compileValidator)
  app.setErrorHandler(sendProblem)
  app.setNotFoundHandler((request, reply) => {
    const allowed = methods.of(request.url)
    if (allowed.length > 0 && !allowed.includes(request.method)) {
      reply.header('allow', allowed.join(', '))
      throw serviceError('method_not_allowed', `${request.method} does not exist here`)
    }
    throw serviceError('route_not_found', `No route ${request.method} ${request.url}`)
  })

  app.addHook('onRequest', async (request) => {
    // They come to a pod's own address, whatever load balancers know of its end.
    if (!isForThePod(request)) drain.onRequest()
    const { host, origin } = request.headers
    if (!isAllowedHost({ host, origin })) throw serviceError('host_not_allowed')
  })
  app.decorateRequest('grant', null)
  await app.register(helmet, headerOptions)
  await app.register(underPressure, pressureOptions(config))
  await app.register(rateLimit, rateOptions(config, deps.redis))
  const rate = createRate(config, app.createRateLimit())
  app.addHook('onRequest', rate.guarded(createGuard(authenticator)))
  app.addHook('onRequest', rate.check)
  // Behind the body: one that never comes to its end needs no Redis and holds up no shutdown.
  app.addHook('preHandler', async (request, reply) => {
    if (!isWrite(request)) return
    if (drain.isClosedForWrites()) throw serviceError('draining')
    inFlight.begin()
    reply.raw.once('close', inFlight.end)
  })
  app.addHook('onSend', async (_request, reply) => {
    if (drain.isDraining()) reply.header('connection', 'close')
  })
  app.addHook('onResponse', async (request, reply) => {
    metrics.request(request, reply)
    const { method, url, id } = request
    const ms = Math.round(reply.elapsedTime)
    log.debug({ requestId: id, method, url, status: reply.statusCode, ms }, 'Request answered')
  })

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Baton',
        version,
        description:
          'Queues instructions for agent sessions and never drops one. Events of any number of containers also come ' +
          'over the WebSocket `/claude-daemon`: send `{"op":"subscribe","containerId":"..","afterSeq":0}`, and before it ' +
          '`{"op":"auth","token":".."}` when the request had no `Authorization` header. ' +
          'Errors are RFC 9457 problems; their `code` is stable.',
      },
      ...(authenticator.isRequired ? securitySchemes(config) : {}),
      tags: [
        { name: 'containers', description: 'A workspace with one agent session and one queue' },
        { name: 'instructions', description: 'What the agent is asked to do, one after the other' },
        { name: 'queue', description: 'The queue of a container and what runs now' },
        { name: 'daemon', description: 'The agent session of a container' },
        { name: 'events', description: 'Everything that happened, in order and without a gap' },
        { name: 'operations', description: 'Probes, metrics, pods' },
      ],
    },
  })
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: docsPolicy })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  await app.register(sockets.routes(reading, authenticator))
  await app.register(probeRoutes(deps))
  if (config.METRICS_PORT === undefined) await app.register(metricsRoute(deps))
  await app.register(podRoutes(deps))
  await app.register(containerRoutes(deps, reading))
  await app.register(instructionRoutes(deps, reading))
  await app.register(controlRoutes(deps, reading))
  await app.register(eventRoutes(deps, reading, streams))
  await app.ready()
  return app
}

export type HttpServer = Awaited<ReturnType<typeof createHttpServer>>
