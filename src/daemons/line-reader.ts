import { type Mask, noMask } from './secrets.ts'
import { clean } from './untrusted.ts'

export interface Line {
  text: string
  /** Bytes that were thrown away because the line was too long. */
  cutBytes: number
}

/** Splits bytes at newlines, so that no UTF-8 character is torn; a line keeps at most `maxBytes`. */
export function createLineReader(maxBytes = 8 * 1024 * 1024) {
  let parts: Buffer[] = []
  let size = 0
  let cutBytes = 0

  function add(bytes: Buffer) {
    const kept = bytes.subarray(0, Math.max(0, maxBytes - size))
    cutBytes += bytes.length - kept.length
    size += kept.length
    if (kept.length > 0) parts.push(kept)
  }

  function take(): Line {
    const line = { text: Buffer.concat(parts).toString('utf8'), cutBytes }
    parts = []
    size = 0
    cutBytes = 0
    return line
  }

  return {
    push(chunk: Buffer): Line[] {
      const lines: Line[] = []
      let from = 0
      for (let to = chunk.indexOf(10); to >= 0; to = chunk.indexOf(10, from)) {
        add(chunk.subarray(from, to))
        lines.push(take())
        from = to + 1
      }
      add(chunk.subarray(from))
      return lines
    },
    /** What came after the last newline. */
    end: (): Line[] => (size > 0 ? [take()] : []),
  }
}

/** The last lines of a stream that is read for people: short, and without control characters. */
export function createTail(maxLines = 20, maxChars = 500, mask: Mask = noMask) {
  const reader = createLineReader(16 * 1024)
  const lines: string[] = []
  const keep = ({ text }: Line) => {
    const said = mask(clean(text).replaceAll('\r', ''))
    if (said.trim() === '') return
    lines.push(said.slice(0, maxChars))
    if (lines.length > maxLines) lines.shift()
  }
  return {
    push: (chunk: Buffer) => reader.push(chunk).forEach(keep),
    end: () => reader.end().forEach(keep),
    lines: () => [...lines],
  }
}
