import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { facts } from './chart/config.ts'
import { chartReadme } from './chart/readme.ts'
import { valuesSchema } from './chart/schema.ts'
import { valuesYaml } from './chart/values-yaml.ts'

const root = new URL('../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`

/** Copies of files that are elsewhere: a chart can only read its own. */
const copies = {
  'helm/files/rules.yml': 'deploy/prometheus/rules.yml',
  'helm/files/dashboard.json': 'deploy/grafana/baton.json',
}

/** Every generated file of the chart and what should be in it. */
export function chartFiles(): Record<string, string> {
  return {
    'helm/values.yaml': valuesYaml(),
    'helm/values.schema.json': json(valuesSchema()),
    'helm/README.md': chartReadme(read('scripts/chart/introduction.md')),
    'helm/files/service.json': json(facts()),
    ...Object.fromEntries(
      Object.entries(copies)
        .filter(([, from]) => existsSync(new URL(from, root)))
        .map(([to, from]) => [to, read(from)]),
    ),
  }
}

export function generateChart(isCheck: boolean) {
  for (const [path, text] of Object.entries(chartFiles())) {
    if (existsSync(new URL(path, root)) && read(path) === text) continue
    if (isCheck) {
      console.error(`${path} does not match the settings or scripts/chart: run \`npm run docs\``)
      process.exitCode = 1
    } else writeFileSync(new URL(path, root), text)
  }
}

if (import.meta.main) generateChart(process.argv.includes('--check'))
