import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'

export const chartDirectory = fileURLToPath(new URL('../../helm', import.meta.url))

export type Json = string | number | boolean | null | undefined | Json[] | { [key: string]: Json }
export type Values = { [key: string]: Json }
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> }
  [key: string]: unknown
}
export interface Options {
  release?: string
  /** Kinds that the cluster has beyond Kubernetes' own. */
  apis?: string[]
  args?: string[]
}

/** `scripts/helm.sh` names every Helm to test with; else the `helm` on the PATH. */
function findHelms(): { program: string; version: string }[] {
  const programs = process.env.HELMS?.split(':').filter(Boolean) ?? ['helm', 'helm4']
  return programs.flatMap((program) => {
    try {
      const version = execFileSync(program, ['version', '--template', '{{.Version}}'], { encoding: 'utf8' })
      return [{ program, version }]
    } catch {
      return []
    }
  })
}

const helms = findHelms()

/** What `helm template` answers. */
async function run(program: string, values: Values, { release = 'baton', apis = [], args = [] }: Options) {
  const more = apis.flatMap((api) => ['--api-versions', api])
  const child = spawn(
    program,
    ['template', release, chartDirectory, '--kube-version', '1.34.0', '--values', '-', ...more, ...args],
    { stdio: 'pipe' },
  )
  child.stdin.end(JSON.stringify(values))
  const [out, error, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('close', resolve)),
  ])
  return { out, error, code }
}

/** Valid YAML without a double key, each object with a kind and a name. */
export function parseManifests(yaml: string): Manifest[] {
  const documents = parseAllDocuments(yaml, { uniqueKeys: true })
  assert.ok(Array.isArray(documents))
  for (const { errors } of documents) assert.deepEqual(errors, [])
  const manifests = documents
    .map((document) => document.toJS() as Manifest | null)
    .filter((one) => one !== null)
  for (const { apiVersion, kind, metadata } of manifests) assert.ok(apiVersion && kind && metadata.name)
  return manifests
}

export function createChart(program: string) {
  /** Most facts are about the same few renders. */
  const known = new Map<string, Promise<Manifest[]>>()

  async function renderAnew(values: Values, options: Options) {
    const { out, error, code } = await run(program, values, options)
    assert.equal(code, 0, error)
    return parseManifests(out)
  }

  return {
    render(values: Values = {}, options: Options = {}): Promise<Manifest[]> {
      const key = JSON.stringify([values, options])
      const manifests = known.get(key) ?? renderAnew(values, options)
      known.set(key, manifests)
      return manifests
    },
    /** Why the values do not render. */
    async refusal(values: Values, options: Options = {}): Promise<string> {
      const { error, code } = await run(program, values, options)
      assert.notEqual(code, 0, 'it renders')
      return error
    },
    /** NOTES.txt, which `helm template` does not show, in an object of its own. */
    async notes(values: Values = {}, options: Options = {}): Promise<string> {
      const note =
        'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: notes\ndata:\n  text: {{ include "baton.notes" . | toJson }}'
      const manifests = await this.render({ ...values, extraObjects: [note] }, options)
      return String(at(find(manifests, 'ConfigMap', 'notes'), 'data.text'))
    },
  }
}

export type Chart = ReturnType<typeof createChart>

/** The same facts with every Helm that is there, several at a time. */
export function withHelm(
  title: string,
  facts: (fact: (title: string, check: (chart: Chart) => unknown) => void) => void,
) {
  if (helms.length === 0) {
    test(title, { skip: 'there is no Helm: put `helm` on the PATH' }, () => {})
    return
  }
  for (const { program, version } of helms) {
    suite(`${title}, Helm ${version}`, { concurrency: 3 }, () => {
      const chart = createChart(program)
      facts((fact, check) => {
        test(fact, async () => {
          await check(chart)
        })
      })
    })
  }
}

export function find(manifests: Manifest[], kind: string, name = 'baton'): Manifest {
  const found = manifests.filter((one) => one.kind === kind && one.metadata.name === name)
  assert.equal(
    found.length,
    1,
    `${kind} ${name} among ${manifests.map((one) => `${one.kind}/${one.metadata.name}`).join(' ')}`,
  )
  return found[0] as Manifest
}

/** What is at a path: names and indexes with dots between; `[name=x]` takes the element of that name. */
export function at(value: unknown, path: string): unknown {
  return path.split(/(?<!\\)\./).reduce<unknown>((inner, step) => {
    const key = step.replaceAll('\\', '')
    const [, name] = /^\[(.+)\]$/.exec(key) ?? []
    if (name !== undefined) return (inner as { name: string }[] | undefined)?.find((one) => one.name === name)
    return (inner as Record<string, unknown> | undefined)?.[key]
  }, value)
}

/** Nested values from one dotted path. */
export function nested(path: string, value: Json): Values {
  return path
    .split('.')
    .toReversed()
    .reduce<Json>((inner, name) => ({ [name]: inner }), value) as Values
}
