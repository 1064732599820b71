const secretName = /key|token|secret|passw|pwd|credential|auth|cookie|private|header/i
/** Shorter ones, and numbers, are in every text by chance. */
const minLength = 6
/** A line of a longer secret, such as a private key, is one of its own. */
const minLineLength = 16
const shown = '[redacted]'

export interface Mask {
  /** Every secret in it replaced. */
  (text: string): string
  /** How many characters at its end may be the beginning of a secret. */
  held(text: string): number
}

export const noMask: Mask = Object.assign((text: string) => text, { held: () => 0 })

/**
 * Hides what an agent's environment holds in secret, by the names of the variables and the passwords in addresses: a
 * tool that prints its environment, or an error that quotes a header, must not tell everybody who reads the events. It
 * guards against accidents: an agent that means to tell can write a secret in a way that nobody recognises.
 */
export function createMask(env: NodeJS.ProcessEnv): Mask {
  const forms = [...new Set(Object.entries(env).flatMap(secretsOf).flatMap(formsOf))]
  if (forms.length === 0) return noMask
  const pattern = new RegExp(
    forms
      .toSorted((a, b) => b.length - a.length)
      .map((form) => RegExp.escape(form))
      .join('|'),
    'g',
  )
  return Object.assign((text: string) => text.replace(pattern, shown), {
    held: (text: string) => Math.max(...forms.map((form) => overlap(text, form))),
  })
}

function secretsOf([name, value = '']: [string, string | undefined]): string[] {
  const found = passwordsIn(value)
  if (secretName.test(name)) {
    found.push(value.trim())
    const lines = value.split('\n').map((line) => line.trim())
    if (lines.length > 1) found.push(...lines.filter((line) => line.length >= minLineLength))
    // `Name: value` and `Name: Bearer value`
    if (/header/i.test(name)) found.push(...lines.flatMap((line) => [afterColon(line), lastWord(line)]))
  }
  return found.filter((secret) => secret.length >= minLength && !/^(\d+|-+[A-Z ]+-+)$/.test(secret))
}

const afterColon = (line: string) => line.slice(line.indexOf(':') + 1).trim()
const lastWord = (line: string) => line.split(/\s+/).at(-1) ?? ''

function passwordsIn(value: string): string[] {
  if (!value.includes('@') || !URL.canParse(value)) return []
  const { password } = new URL(value)
  return [password, decoded(password)]
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** As it is, within JSON, within an address, and as base64. */
const formsOf = (secret: string): string[] => [
  secret,
  JSON.stringify(secret).slice(1, -1),
  encodeURIComponent(secret.toWellFormed()),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
]

function overlap(text: string, form: string): number {
  for (let length = Math.min(text.length, form.length - 1); length > 0; length -= 1)
    if (text.endsWith(form.slice(0, length))) return length
  return 0
}
