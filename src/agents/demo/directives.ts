/** What an instruction may ask of the demo agent; see `parseDirectives`. */
export type Directive =
  | { do: 'sleep' | 'tool'; ms: number }
  | { do: 'say'; text: string }
  | { do: 'bytes'; count: number }
  | { do: 'env'; name: string }
  | { do: 'fail' | 'crash' | 'crash once' | 'hang' | 'freeze' | 'ignore signals' | 'spawn child' }

const simple = new Set(['fail', 'crash', 'crash once', 'hang', 'freeze', 'ignore signals', 'spawn child'])

/** The directives in a text, one per line or separated by `;`, `,` or `then`; anything else is only echoed. */
export function parseDirectives(text: string): Directive[] {
  return text
    .split(/[\n;,]|\bthen\b/i)
    .map((part) => parse(part.trim()))
    .filter((directive) => directive !== undefined)
}

function parse(part: string): Directive | undefined {
  const word = part.toLowerCase().replace(/\s+/g, ' ')
  if (simple.has(word)) return { do: word } as Directive
  const timed = /^(sleep|tool) (\d+(?:\.\d+)?) ?(ms|s|m)$/.exec(word)
  if (timed) return { do: timed[1] as 'sleep' | 'tool', ms: Number(timed[2]) * unitMs(timed[3]) }
  const said = /^say\s+(.+)$/is.exec(part)
  if (said?.[1]) return { do: 'say', text: said[1] }
  const bytes = /^bytes (\d+)$/.exec(word)
  if (bytes) return { do: 'bytes', count: Number(bytes[1]) }
  const name = /^env\s+(\w+)$/i.exec(part)?.[1]
  return name === undefined ? undefined : { do: 'env', name }
}

const unitMs = (unit: string | undefined) => (unit === 'ms' ? 1 : unit === 'm' ? 60_000 : 1000)
