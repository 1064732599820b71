import { readFileSync, writeFileSync } from 'node:fs'
import { type Expectation, expectation } from '../src/config/expectation.ts'
import { settings } from '../src/config.ts'
import { generateChart } from './generate-chart.ts'

const readme = new URL('../README.md', import.meta.url)
const markers = /(<!-- configuration: [^\n]* -->\n)[\s\S]*(<!-- end of configuration -->)/

/** The README's configuration table, from the one schema. */
export function configurationTable(): string {
  const rows = Object.entries(settings.properties as Record<string, Expectation>).map(([name, schema]) => {
    const names = schema.writeOnly ? `\`${name}\`, or \`${name}_FILE\`` : `\`${name}\``
    return `| ${names} | ${defaultOf(schema)} | ${cell(schema.description ?? '')}${valuesOf(schema)} |`
  })
  return ['| Setting | Default | Meaning |', '|---|---|---|', ...rows].join('\n')
}

const defaultOf = ({ default: value, $comment }: Expectation) =>
  $comment ?? (value === '' ? 'empty' : `\`${String(value)}\``)

/** A pattern is for error messages; the sentence says it better. */
const valuesOf = (schema: Expectation) =>
  schema.type === 'string' && schema.enum === undefined ? '' : ` (${cell(expectation(schema))})`

const cell = (text: string) => text.replaceAll('|', '\\|')

function main(isCheck: boolean) {
  const before = readFileSync(readme, 'utf8')
  if (!markers.test(before)) throw new Error('README.md has no markers around its configuration table')
  const after = before.replace(
    markers,
    (_, start: string, end: string) => `${start}\n${configurationTable()}\n\n${end}`,
  )
  if (before === after) return
  if (isCheck) {
    console.error('README.md does not match src/config.ts: run `npm run docs`')
    process.exitCode = 1
    return
  }
  writeFileSync(readme, after)
}

if (import.meta.main) {
  const isCheck = process.argv.includes('--check')
  main(isCheck)
  generateChart(isCheck)
}
