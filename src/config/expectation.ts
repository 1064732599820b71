/** The parts of a setting's JSON schema that error messages and documentation speak of. */
export interface Expectation {
  type?: string
  minimum?: number
  maximum?: number
  enum?: string[]
  examples?: string[]
  default?: unknown
  description?: string
  $comment?: string
  writeOnly?: boolean
}

/** What a value must look like, in words: "a whole number from 0 to 65535". */
export function expectation(schema: Expectation): string {
  if (schema.type === 'boolean') return 'true or false'
  if (schema.type === 'integer') return `a whole number${bounds(schema)}`
  if (schema.type === 'number') return `a number${bounds(schema)}`
  if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`
  if (schema.examples !== undefined) return `text like ${schema.examples.join(' or ')}`
  return 'text'
}

function bounds({ minimum, maximum }: Expectation): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`
  if (minimum !== undefined) return ` of at least ${minimum}`
  return ''
}
