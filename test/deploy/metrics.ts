import { parse } from 'yaml'
import { readDeploy } from './tools.ts'

export interface Rule {
  alert?: string
  record?: string
  expr: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}

export async function readRules(): Promise<Rule[]> {
  const { groups } = parse(await readDeploy('prometheus/rules.yml')) as { groups: { rules: Rule[] }[] }
  return groups.flatMap(({ rules }) => rules)
}

/** The series that a running service shows, each with its labels. */
export async function exported(url: string): Promise<Map<string, Set<string>>> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const series = new Map<string, Set<string>>()
  for (const [, name = ''] of text.matchAll(/^# TYPE (\S+)/gm)) series.set(name, new Set())
  for (const [, name = '', labels = ''] of text.matchAll(/^([a-z]\w*)(?:\{(.*)\})? \S+$/gm)) {
    const known = series.get(name) ?? new Set()
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label)
    series.set(name, known)
  }
  return series
}

/** Names of metrics in a PromQL expression; ours have prefixes that no function has. */
export const namesIn = (expr: string): string[] => expr.match(/\b(?:baton|nodejs|process)[_:][\w:]+/g) ?? []

/** Labels that an expression selects by, with the metric. */
export const selectorsIn = (expr: string): { name: string; label: string }[] =>
  [...expr.matchAll(/\b((?:baton|nodejs|process)[_:][\w:]+)\{([^}]*)\}/g)].flatMap(
    ([, name = '', labels = '']) =>
      [...labels.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => ({ name, label })),
  )
