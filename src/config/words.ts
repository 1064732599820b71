const word = /\s*((?:[^\s"'\\]|\\[\s\S]|'[^']*'|"(?:[^"\\]|\\[\s\S])*")+)/y
const part = /'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|([^"'\\]+)/g

/** Splits as a POSIX shell does: quotes and backslashes, no expansion. Throws on a quote that is not closed. */
export function splitWords(line: string): string[] {
  const words: string[] = []
  const rest = line.trimEnd()
  word.lastIndex = 0
  while (word.lastIndex < rest.length) {
    const match = word.exec(rest)
    if (match?.[1] === undefined) throw new Error('a quote is not closed')
    words.push(unquote(match[1]))
  }
  return words
}

const unquote = (text: string) =>
  text.replace(part, (_, single?: string, double?: string, escaped?: string, plain?: string) =>
    double === undefined ? (single ?? escaped ?? plain ?? '') : double.replace(/\\(["\\$`])/g, '$1'),
  )
