/**
 * Writes what deploy/ repeats of other files: deploy/prometheus/operator.yaml from the rules, and deploy/kubernetes/base
 * from the chart. With `--check` it only says what is not up to date. Without Helm the base is left alone.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Document, isMap, parse, parseAllDocuments, stringify } from 'yaml'

const root = fileURLToPath(new URL('../', import.meta.url))
const deploy = (path: string) => join(root, 'deploy', path)

const rendered = new Map([['prometheus/operator.yaml', operator()]])
const helm = findHelm()
if (helm === undefined)
  console.log('Helm is not here: deploy/kubernetes/base is not compared with the chart.')
else rendered.set('kubernetes/base/baton.yaml', base(helm))

const stale = [...rendered].filter(
  ([path, text]) => !existsSync(deploy(path)) || readFileSync(deploy(path), 'utf8') !== text,
)
if (process.argv.includes('--check')) {
  for (const [path] of stale)
    console.error(`deploy/${path} is not up to date: node scripts/generate-deploy.ts`)
  process.exitCode = stale.length > 0 ? 1 : 0
} else {
  for (const [path, text] of stale) writeFileSync(deploy(path), text)
}

function operator(): string {
  const monitor = readFileSync(deploy('prometheus/monitor.yaml'), 'utf8')
  const rule = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'baton' },
    spec: parse(readFileSync(deploy('prometheus/rules.yml'), 'utf8')) as object,
  }
  const said =
    '# For the Prometheus Operator: monitor.yaml, and rules.yml as an object. Written by scripts/generate-deploy.ts.\n'
  return `${said}${monitor}---\n${stringify(rule, { lineWidth: 0 })}`
}

/** Without what only Helm has a use for. A checksum of a setting would be wrong once an overlay changes it. */
function base(helmPath: string): string {
  const values = deploy('kubernetes/values.yaml')
  const args = ['--namespace', 'baton', '--kube-version', '1.34', '--values', values, '--skip-tests']
  const text = execFileSync(helmPath, ['template', 'baton', join(root, 'helm'), ...args], {
    encoding: 'utf8',
  })
  const documents = parseAllDocuments(text.replaceAll(/^# Source:.*\n/gm, '')) as Document[]
  for (const document of documents) {
    for (const label of ['helm.sh/chart', 'app.kubernetes.io/managed-by'])
      document.deleteIn(['metadata', 'labels', label])
    document.deleteIn(['metadata', 'annotations'])
    const annotations = document.getIn(['spec', 'template', 'metadata', 'annotations'])
    if (!isMap(annotations)) continue
    for (const name of ['checksum/config', 'checksum/secret']) annotations.delete(name)
    annotations.commentBefore = null
    if (annotations.items.length === 0) document.deleteIn(['spec', 'template', 'metadata', 'annotations'])
  }
  const said =
    '# The chart with ../values.yaml. Written by scripts/generate-deploy.ts: change those, not this.\n'
  return (
    said +
    documents.map((document) => `---\n${document.toString({ lineWidth: 0, directives: false })}`).join('')
  )
}

/** `HELMS` is what scripts/helm.sh has found. */
function findHelm(): string | undefined {
  const given = process.env.HELM ?? process.env.HELMS?.split(':').find(Boolean)
  const places = [...(process.env.PATH ?? '').split(delimiter), join(root, '.tools/bin')]
  const found = ['helm', 'helm3', 'helm4'].flatMap((name) => places.map((place) => join(place, name)))
  return given ?? found.find((path) => existsSync(path))
}
