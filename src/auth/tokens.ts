import { timingSafeEqual } from 'node:crypto'
import { type Grant, type Scope, sha256 } from './grant.ts'

export interface TokenEntry {
  token: string
  scope: Scope
  containers: string[] | null
}

const minLength = 16
const tokenForm = /^[A-Za-z0-9._~+/-]+=*$/
const containerForm = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}$/
const isScope = (text: string): text is Scope => text === 'read' || text === 'write'

/** Entries as in `API_TOKENS`, and what is wrong with them in words that show no token. */
export function parseTokens(text: string): { entries: TokenEntry[]; problems: string[] } {
  const entries: TokenEntry[] = []
  const problems: string[] = []
  for (const [index, word] of text.split(/\s+/).filter(Boolean).entries()) {
    const [token = '', scope = 'write', containers, ...rest] = word.split(':')
    const say = (what: string) =>
      problems.push(
        `entry ${index + 1} (not shown) ${what}; expected token, token:read, token:write or token:write:c-1,c-2`,
      )
    const ids = containers?.split(',') ?? null
    if (token.length < minLength) say(`has a token of less than ${minLength} characters`)
    else if (!tokenForm.test(token)) say('has a token with other characters than A-Z a-z 0-9 . _ ~ + / - =')
    else if (!isScope(scope)) say('has another scope than read or write')
    else if (rest.length > 0) say('has too many colons')
    else if (ids?.some((id) => !containerForm.test(id))) say('has a container id that none can have')
    else if (entries.some((entry) => entry.token === token)) say('has the token of an earlier entry')
    else entries.push({ token, scope, containers: ids })
  }
  return { entries, problems }
}

/** Finds the entry of a token. Every entry is compared, and by its hash: the time it takes tells nothing. */
export function createTokens(entries: TokenEntry[]) {
  const known = entries.map(({ token, scope, containers }) => {
    const hash = sha256(token)
    const grant: Grant = {
      scope,
      containers: containers === null ? null : new Set(containers),
      key: `token:${hash.toString('hex', 0, 8)}`,
      expiresAt: null,
    }
    return { hash, grant }
  })
  return (token: string): Grant | undefined => {
    const given = sha256(token)
    let found: Grant | undefined
    for (const { hash, grant } of known) if (timingSafeEqual(hash, given)) found = grant
    return found
  }
}
