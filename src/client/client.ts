import type { ContainerView, InstructionView, ResumePolicy } from '../history/views.ts'
import { readEvents } from './events.ts'
import { type RequestOptions, createRequests } from './requests.ts'
import type { ClientOptions, EventsOptions } from './types.ts'

export interface Accepted {
  id: string
  state: 'queued'
  /** Unfinished instructions before it. */
  position: number
  seq: number
}

/**
 * A client that does not notice rolling updates: submits are idempotent and tried again, and `events` is one unbroken
 * sequence over any number of reconnects. Runs on the platform's `fetch` and `WebSocket` alone.
 */
export function createBatonClient({ url, token, retryMs = 30_000, heartbeatMs = 20_000 }: ClientOptions) {
  const urls = typeof url === 'string' ? [url] : url
  const request = createRequests({ urls, token, retryMs })
  const container = (containerId: string) => `/v1/containers/${encodeURIComponent(containerId)}`
  const instruction = (containerId: string, id: string) => `${container(containerId)}/instructions/${id}`

  return {
    /** Any route of the service; the answer of one that refuses is a `BatonError` with its code. */
    request,
    register: (containerId: string) => request<ContainerView>('PUT', container(containerId)),
    /** Takes effect once, however often it has to be sent: with one key of its own, or the one that is given. */
    submit(
      containerId: string,
      text: string,
      options: { resumePolicy?: ResumePolicy; idempotencyKey?: string; signal?: AbortSignal } = {},
    ) {
      const { resumePolicy, idempotencyKey = crypto.randomUUID(), signal } = options
      const sent: RequestOptions = {
        body: { text, ...(resumePolicy === undefined ? {} : { resumePolicy }) },
        headers: { 'idempotency-key': idempotencyKey },
        isRepeatable: true,
        ...(signal === undefined ? {} : { signal }),
      }
      return request<Accepted>('POST', `${container(containerId)}/instructions`, sent)
    },
    instruction: (containerId: string, id: string) =>
      request<InstructionView>('GET', instruction(containerId, id)),
    /** While it is queued: another text, another place, or both. */
    edit: (containerId: string, id: string, change: { text?: string; position?: number }) =>
      request<InstructionView>('PATCH', instruction(containerId, id), { body: change, isRepeatable: true }),
    /** Queued or running. */
    cancel: (containerId: string, id: string) =>
      request<InstructionView>('POST', `${instruction(containerId, id)}/cancel`),
    /** Ends the turn that runs and keeps the queue. */
    interrupt: (containerId: string) =>
      request<{ stillQueued: string[] }>('POST', `${container(containerId)}/interrupt`),
    pause: (containerId: string) => request<ContainerView>('POST', `${container(containerId)}/queue/pause`),
    resume: (containerId: string) => request<ContainerView>('POST', `${container(containerId)}/queue/resume`),
    /** Cancels everything that waits. */
    clear: (containerId: string) =>
      request<{ cancelled: string[] }>('DELETE', `${container(containerId)}/queue`),
    /**
     * Events in order, each once; a `replay.gap` item stands for those that cannot be had. Reconnects by itself until
     * the signal fires or the loop is left; throws a `BatonError` when the service refuses for good.
     */
    events: (options: EventsOptions) => readEvents(urls, { token, heartbeatMs }, options),
  }
}

export type BatonClient = ReturnType<typeof createBatonClient>
export { BatonError } from './types.ts'
export type {
  BatonEvent,
  ClientOptions,
  ConnectionState,
  Cursor,
  Delta,
  EventItem,
  EventsOptions,
  Gap,
  Token,
} from './types.ts'
