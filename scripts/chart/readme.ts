import { expectation } from '../../src/config/expectation.ts'
import { setByChart } from './config.ts'
import { presets } from './presets.ts'
import { type Value, chartValues } from './schema.ts'

const cell = (text: string) => text.replaceAll('|', '\\|')
const table = (head: string[], lines: string[][]) =>
  [head, head.map(() => '---'), ...lines].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n')

/** helm/README.md. */
export function chartReadme(introduction: string): string {
  const { config, ...own } = chartValues()
  return `${introduction}
## Load balancers

${table(
  ['Preset', 'In front of the pods', 'preStop sleep', '`DRAIN_SECONDS`', 'Keep-alive', 'Service'],
  Object.entries(presets).map(([name, preset]) => [
    `\`${name}\``,
    preset.description,
    `${preset.preStopSeconds} s`,
    `${preset.drainSeconds} s`,
    `${preset.keepAliveSeconds} s`,
    preset.serviceType,
  ]),
)}

## Values

${table(
  ['Value', 'Default', 'Meaning'],
  Object.entries(own).flatMap(([name, value]) => rows(name, value)),
)}

## Settings of the service: \`config\`

${table(['Value', 'Default', 'Meaning'], rows('config', config ?? {}).slice(1))}

The chart itself sets these:

${table(
  ['Setting', 'Comes from'],
  Object.entries(setByChart).map(([name, from]) => [`\`${name}\``, from]),
)}
`
}

function rows(path: string, value: Value): string[][] {
  const own = [`\`${path}\``, defaultOf(value), `${value.description ?? ''}${allowed(value)}`]
  const inner = Object.entries(value.properties ?? {}).flatMap(([name, entry]) =>
    rows(`${path}.${name}`, entry),
  )
  return inner.length > 0 ? [[own[0] ?? '', '', own[2] ?? ''], ...inner] : [own]
}

const defaultOf = ({ default: value, $comment }: Value) =>
  $comment ??
  (value === '' ? 'empty' : value === undefined ? '' : `\`${JSON.stringify(value).replaceAll('"', '')}\``)

const allowed = (value: Value) =>
  value.enum !== undefined
    ? ` (${value.enum.map((word) => (word === '' ? 'empty' : `\`${word}\``)).join(', ')})`
    : value.type === 'integer' || value.type === 'number'
      ? ` (${expectation(value)})`
      : ''
