import type { DestinationStream } from 'pino'

interface Entry {
  level: string
  msg?: string
  containerId?: string
  err?: ErrorFields
  [field: string]: unknown
}

interface ErrorFields {
  message?: string
  stack?: string
}

const hidden = new Set(['level', 'time', 'msg', 'pod', 'err', 'containerId'])

/** Turns pino's JSON lines into `[INFO] message (containerId: c-1) key=value` for people at a terminal. */
export function createPretty(out: DestinationStream): DestinationStream {
  return { write: (line) => out.write(prettyLine(JSON.parse(line) as Entry)) }
}

function prettyLine(entry: Entry): string {
  const { level, msg, containerId, err } = entry
  const others = Object.entries(entry).filter(([key]) => !hidden.has(key))
  const container = containerId === undefined ? '' : ` (containerId: ${shown(containerId)})`
  const suffix = others.map(([key, value]) => ` ${key}=${shown(value)}`).join('')
  const head = `[${level.toUpperCase()}] ${msg ?? ''}${container}${suffix}\n`
  return err === undefined ? head : `${head}${errorLines(err)}\n`
}

/** Control characters could steer the reader's terminal, so such a string is shown as JSON. */
const shown = (value: unknown) =>
  escaped(typeof value === 'string' && !/\p{Cc}/u.test(value) ? value : JSON.stringify(value))

/** JSON leaves those above 0x7e as they are, and a stack all of them. */
const escaped = (text: string) =>
  text.replace(/\p{Cc}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

function errorLines(err: ErrorFields): string {
  return (err.stack ?? err.message ?? JSON.stringify(err))
    .split('\n')
    .map((line) => `  ${escaped(line)}`)
    .join('\n')
}
