import { stringify } from 'yaml'
import { type Value, chartValues } from './schema.ts'

const head = `# Values of the Baton chart, with their defaults: \`helm install baton ./helm\` needs none of them.
# Written by \`npm run docs\` from scripts/chart/values.ts and src/config/settings.ts.
`

/** helm/values.yaml: what has no default is a comment. */
export function valuesYaml(): string {
  const blocks = Object.entries(chartValues()).map(([name, value]) => block(name, value, ''))
  return `${head}\n${blocks.join('\n')}`
}

function block(name: string, value: Value, indent: string): string {
  const comment = `${indent}# ${value.description ?? ''}\n`
  if (value.properties !== undefined && Object.keys(value.properties).length > 0) {
    const entries = Object.entries(value.properties)
    const isOpen = name !== 'config' && entries.some(([, entry]) => hasDefault(entry))
    const inner = entries
      .map(([key, entry]) =>
        name === 'config' ? optional(key, entry, `${indent}  `) : block(key, entry, `${indent}  `),
      )
      .join('')
    return `${comment}${indent}${name}:${isOpen ? '' : ' {}'}\n${inner}`
  }
  return hasDefault(value) ? comment + set(name, value.default, indent) : optional(name, value, indent)
}

const hasDefault = (value: Value): boolean =>
  value.default !== undefined || Object.values(value.properties ?? {}).some(hasDefault)

function optional(name: string, value: Value, indent: string): string {
  const shown = value.$comment ?? (value.default === '' ? 'empty' : String(value.default))
  return `${indent}# ${name}: ${shown}. ${value.description ?? ''}\n`
}

function set(name: string, value: unknown, indent: string): string {
  const text = stringify({ [name]: value }, { lineWidth: 0, singleQuote: true })
  return text.replaceAll(/^(?=.)/gm, indent)
}
