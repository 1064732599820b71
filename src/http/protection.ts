import { getHeapStatistics } from 'node:v8'
import type { FastifyHelmetOptions } from '@fastify/helmet'
import type { FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import { serviceError } from '../errors.ts'
import { isForThePod } from './access.ts'

/** Beyond this part of V8's limit a process spends its time collecting, and then dies. */
const heapPart = 0.95
/** Long enough that one pause, a collection or a slow disk, is no overload: only a loop that stays late is one. */
const sampleMs = 5000

/** The page of the documentation needs its own scripts and styles; it asks nobody else for anything. */
export const docsPolicy = {
  'default-src': ["'self'"],
  'base-uri': ["'self'"],
  'frame-ancestors': ["'none'"],
  'img-src': ["'self'", 'data:'],
  'object-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'", "'unsafe-inline'"],
}

/** Keeps an answer from being anything but data in a browser. */
export const headerOptions: FastifyHelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  // Where TLS ends is where it is known whether there is TLS.
  strictTransportSecurity: false,
}

/**
 * A process that has no breath left refuses instead of answering late. Probes are answered all the same: a restart helps
 * nobody who is busy.
 */
export const pressureOptions = ({ MAX_EVENT_LOOP_DELAY_MS }: Pick<Config, 'MAX_EVENT_LOOP_DELAY_MS'>) => ({
  sampleInterval: sampleMs,
  maxEventLoopDelay: MAX_EVENT_LOOP_DELAY_MS,
  maxHeapUsedBytes: Math.round(getHeapStatistics().heap_size_limit * heapPart),
  async pressureHandler(request: FastifyRequest) {
    if (!isForThePod(request)) throw serviceError('overloaded')
  },
})
