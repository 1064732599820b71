import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'

const shared = { allErrors: false, useDefaults: true, removeAdditional: false } as const
/** Bodies mean what they say: a number is no text. */
const strict = addFormats.default(new Ajv(shared))
/** Addresses are text: "5" is a number where one is expected. */
const coercing = addFormats.default(new Ajv({ ...shared, coerceTypes: 'array' }))

export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) =>
  (httpPart === 'body' ? strict : coercing).compile(schema)
