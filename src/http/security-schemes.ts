import { containersClaim } from '../auth/jwt.ts'
import type { Config } from '../config.ts'

/** How to come in, for the OpenAPI document; the open routes say themselves that they ask for nothing. */
export function securitySchemes({ JWT_ISSUER }: Pick<Config, 'JWT_ISSUER'>) {
  const jwt =
    JWT_ISSUER === ''
      ? ''
      : ` Also a JWT of ${JWT_ISSUER}, with \`baton:read\` or \`baton:write\` in its \`scope\` claim, and in ` +
        `\`${containersClaim}\` the containers that it is limited to, if it is.`
  return {
    components: {
      securitySchemes: {
        bearer: {
          type: 'http' as const,
          scheme: 'bearer',
          description: `A token of \`API_TOKENS\`; one of scope read may only read.${jwt}`,
        },
      },
    },
    security: [{ bearer: [] }],
  }
}
