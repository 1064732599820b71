import type { Json, Values } from '../support.ts'

export interface Case {
  title: string
  values: Values
  kind: string
  name?: string
  /** See `at` in support.ts. */
  path: string
  is: Json
  apis?: string[]
}

export const pod = 'spec.template.spec'
export const container = `${pod}.containers.0`
export const scraped = 'spec.template.metadata.annotations.prometheus\\.io'
export const many = { accessMode: 'ReadWriteMany' }
export const digest = `sha256:${'a'.repeat(64)}`
export const selector = { 'app.kubernetes.io/name': 'baton', 'app.kubernetes.io/instance': 'baton' }
export const together = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: selector } }

/** One effect of one set of values, on the object of a kind (named `baton` unless said otherwise). */
export function effect(values: Values, kind: string, path: string, is: Json, name?: string): Case {
  return { title: JSON.stringify(values), values, kind, path, is, ...(name === undefined ? {} : { name }) }
}
export const onPods = (values: Values, path: string, is: Json) =>
  effect(values, 'Deployment', `${pod}.${path}`, is)
export const onContainer = (values: Values, path: string, is: Json) =>
  effect(values, 'Deployment', `${container}.${path}`, is)
export const onRedis = (values: Values, path: string, is: Json) =>
  effect(values, 'StatefulSet', path, is, 'baton-redis')
