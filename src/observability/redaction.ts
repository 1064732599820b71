const secretFields = ['authorization', 'token', 'password', 'apiKey', 'cookie']
const urlFields = ['url', 'redisUrl']
const headerFields = ['authorization', 'cookie']

const paths = [
  ...[...secretFields, ...urlFields].flatMap((field) => [field, `*.${field}`]),
  ...headerFields.map((field) => `*.headers.${field}`),
]

const urlPassword = /(rediss?:\/\/[^:@/\s]*:)[^@\s]*@/g

/** pino's `redact` option: secrets are replaced whole, a Redis URL loses only its password. */
export const redaction = {
  paths,
  censor(value: unknown, path: string[]): unknown {
    if (!urlFields.includes(path.at(-1) ?? '')) return '[redacted]'
    return typeof value === 'string' ? value.replace(urlPassword, '$1[redacted]@') : value
  },
}
