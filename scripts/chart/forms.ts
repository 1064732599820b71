import { type TSchema, Type } from 'typebox'

const closed = { additionalProperties: false }
export const object = (description: string, properties: Record<string, TSchema>) =>
  Type.Object(
    Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, Type.Optional(schema)])),
    { description, ...closed },
  )
export const text = (
  value: string,
  description: string,
  options: { pattern?: string; maxLength?: number } = {},
) => Type.String({ default: value, description, ...options })
export const oneOf = (values: string[], value: string, description: string) =>
  Type.String({ enum: values, default: value, description })
export const flag = (value: boolean, description: string) => Type.Boolean({ default: value, description })
export const count = (value: number, minimum: number, maximum: number, description: string) =>
  Type.Integer({ default: value, minimum, maximum, description })
/** Not set, the chart decides; `$comment` says how. */
export const decided = (from: string, minimum: number, maximum: number, description: string) =>
  Type.Integer({ minimum, maximum, description, $comment: from })
export const map = (description: string, value: Record<string, string> = {}) =>
  Type.Record(Type.String(), Type.String(), { default: value, description })
export const texts = (description: string) => Type.Array(Type.String(), { default: [], description })
/** Parts of Kubernetes' own API, which the API server checks. */
export const free = (description: string, value: object = {}) =>
  Type.Object({}, { default: value, description, additionalProperties: true })
export const frees = (description: string) =>
  Type.Array(Type.Object({}, { additionalProperties: true }), { default: [], description })

export const name = '^([a-z0-9]([a-z0-9-]*[a-z0-9])?)?$'
export const secretName = '^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$'
export const quantity = '^[0-9]+(\\.[0-9]+)?(m|k|Ki|Mi|M|Gi|G|Ti|T)?$'
export const digest = '^(sha256:[0-9a-f]{64})?$'
export const port = (value: number, description: string) => count(value, 1, 65_535, description)

export const image = (repository: string, tag: string, tagNote: string) =>
  object('The image.', {
    repository: text(repository, 'Its full name without the tag.', {
      pattern: '^[a-z0-9][A-Za-z0-9./:_-]*$',
    }),
    tag: text(tag, `Its tag${tagNote}.`, { pattern: '^[A-Za-z0-9._-]*$' }),
    digest: text('', 'Its digest, `sha256:...`; wins over the tag.', { pattern: digest }),
    pullPolicy: oneOf(['IfNotPresent', 'Always', 'Never'], 'IfNotPresent', 'When the node pulls it.'),
  })
export const volume = (size: string) => ({
  size: text(size, 'Size of the volume.', { pattern: quantity }),
  storageClass: text('', "StorageClass; empty: the cluster's default."),
})
export const resources = (cpu: string, memory: string, limit: string) =>
  free('Requests and a memory limit. Set no CPU limit: a pod whose heartbeat is throttled looks dead.', {
    requests: { cpu, memory },
    limits: { memory: limit },
  })
export const probe = (period: number, timeout: number, threshold: number, description: string) =>
  object(description, {
    periodSeconds: count(period, 1, 300, 'Time between two probes.'),
    timeoutSeconds: count(timeout, 1, 300, 'How long an answer may take.'),
    failureThreshold: count(threshold, 1, 1000, 'Failures in a row that count.'),
  })
