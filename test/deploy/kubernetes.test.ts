import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import { loadConfig, shutdownBudget } from '../../src/config.ts'
import { deploy, findTool, readDeploy, root, run } from './tools.ts'

interface Manifest {
  kind: string
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: object }
  data?: Record<string, string>
  spec?: {
    template?: {
      metadata: { annotations?: Record<string, string> }
      spec: { terminationGracePeriodSeconds?: number; containers: Container[] }
    }
  }
}
interface Container {
  env?: { name: string; value?: string }[]
  lifecycle?: { preStop: { sleep: { seconds: number } } }
}

const helm =
  process.env.HELM === undefined ? findTool('helm') : { path: process.env.HELM, skip: false as const }
const kubectl = findTool('kubectl')
const kustomizes = !kubectl.skip && (await understandsPatches(kubectl.path))
const skipOverlays = helm.skip || (!kustomizes && 'kubectl with kustomize 4 or newer is not installed')

/** What a pod has besides its ConfigMap. */
const beside = { KUBERNETES_SERVICE_HOST: '10.96.0.1', API_TOKENS: 'a-token-of-the-secret' }

const documentsOf = (text: string) =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((document) => document !== null)

test('the base is given the time that its own settings need', async () => {
  const manifests = documentsOf(await readDeploy('kubernetes/base/baton.yaml'))
  const settings = manifests.find(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'baton',
  )?.data
  const pod = manifests.find(({ kind }) => kind === 'Deployment')?.spec?.template?.spec
  const [container] = pod?.containers ?? []
  const grace = pod?.terminationGracePeriodSeconds ?? 0
  const sleep = container?.lifecycle?.preStop.sleep.seconds ?? 0
  const { totalSeconds } = shutdownBudget(loadConfig({ ...settings, ...beside }))
  assert.ok(grace >= sleep + totalSeconds, `${grace} s for ${sleep} + ${totalSeconds}`)
  const told = container?.env?.find(({ name }) => name === 'TERMINATION_GRACE_PERIOD_SECONDS')?.value
  assert.equal(told, String(grace))
})

test('nothing in the base is random or belongs to Helm alone', async () => {
  const text = await readDeploy('kubernetes/base/baton.yaml')
  assert.doesNotMatch(text, /helm\.sh|checksum\/|managed-by|# Source/)
  for (const { kind, data } of documentsOf(text))
    if (kind === 'Secret') assert.deepEqual(data, { REDIS_PASSWORD: Buffer.from('trial').toString('base64') })
})

for (const overlay of ['trial', 'production']) {
  test(`the ${overlay} overlay is the chart with its values`, { skip: skipOverlays }, async () => {
    const built = await run(kubectl.path, ['kustomize', deploy(`kubernetes/overlays/${overlay}`)])
    const values = ['values.yaml', `overlays/${overlay}/values.yaml`].flatMap((name) => [
      '-f',
      deploy(`kubernetes/${name}`),
    ])
    const args = ['template', 'baton', `${root}helm`, '-n', 'baton', '--kube-version', '1.34', '--skip-tests']
    const rendered = await run(helm.path, [...args, ...values])
    const own = documentsOf(built.stdout).filter(({ kind }) => kind !== 'Namespace')
    assert.deepEqual(
      own.map(comparable).toSorted(byName),
      documentsOf(rendered.stdout).map(comparable).toSorted(byName),
    )
  })
}

test('every overlay is a kustomization that starts from the base', async () => {
  for (const overlay of ['trial', 'production']) {
    const { resources } = parse(await readDeploy(`kubernetes/overlays/${overlay}/kustomization.yaml`)) as {
      resources: string[]
    }
    assert.equal(resources[0], '../../base')
  }
})

const byName = (a: Manifest, b: Manifest) =>
  `${a.kind}/${a.metadata.name}`.localeCompare(`${b.kind}/${b.metadata.name}`)

/** Without what Helm or kustomize add for themselves; a patch moves a variable to the front. */
function comparable(manifest: Manifest): Manifest {
  const { metadata, spec } = manifest
  delete metadata.namespace
  delete metadata.annotations
  for (const label of ['helm.sh/chart', 'app.kubernetes.io/managed-by']) delete metadata.labels?.[label]
  for (const container of spec?.template?.spec.containers ?? [])
    container.env?.sort((a, b) => a.name.localeCompare(b.name))
  const template = spec?.template?.metadata
  for (const name of Object.keys(template?.annotations ?? {}))
    if (name.startsWith('checksum/')) delete template?.annotations?.[name]
  if (template?.annotations !== undefined && Object.keys(template.annotations).length === 0)
    delete template.annotations
  return manifest
}

async function understandsPatches(path: string): Promise<boolean> {
  const { stdout } = await run(path, ['version', '--client', '-o', 'json'])
  const { kustomizeVersion = '' } = JSON.parse(stdout) as { kustomizeVersion?: string }
  return /^v[4-9]/.test(kustomizeVersion)
}
