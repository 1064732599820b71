import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { deploy, readDeploy } from '../deploy/tools.ts'
import { chart, createNamespace, skip } from './support/baton.ts'
import { execute, helm, kubectl, read } from './support/commands.ts'

const list = async (dir: string) => (await readdir(dir).catch(() => [] as string[])).toSorted()
const examples = (await list(join(chart, 'ci'))).filter((name) => name.endsWith('.yaml'))
const overlays = (await list(deploy('kubernetes/overlays'))).map((name) => join('overlays', name))

interface Manifest {
  kind: string
  apiVersion: string
  metadata: { namespace?: string }
}

test('the API server takes every example and overlay', { skip, timeout: 600_000 }, async (t) => {
  const namespace = await createNamespace(t, 'baton')
  const { serverVersion } = await read<{ serverVersion: { gitVersion: string } }>('version')
  const version = ['--kube-version', serverVersion.gitVersion]
  for (const name of examples) {
    await t.test(`helm/ci/${name}`, async () => {
      const values = ['-f', join(chart, 'ci', name)]
      await check(await helm('-n', namespace, 'template', 'baton', chart, ...version, ...values), namespace)
    })
  }
  for (const name of ['base', ...overlays]) {
    await t.test(`deploy/kubernetes/${name}`, async () =>
      check(await kubectl('kustomize', deploy(`kubernetes/${name}`)), namespace),
    )
  }
  await t.test('deploy/prometheus/operator.yaml', async () =>
    check(await readDeploy('prometheus/operator.yaml'), namespace),
  )
})

test('there are examples and overlays to check', { skip }, () => {
  assert.ok(examples.length > 0)
  assert.ok(overlays.length > 1)
})

async function check(text: string, namespace: string) {
  const documents = parseAllDocuments(text).map((document) => document.toJS() as Manifest | null)
  assert.ok(documents.filter((document) => document !== null).length > 0)
  const args = ['-n', namespace, 'apply', '--dry-run=server', '--server-side', '--force-conflicts', '-f', '-']
  const { code, stderr } = await execute('kubectl', args, text)
  assert.equal(code, 0, stderr)
  // A restricted namespace only warns about a Deployment whose pods it would refuse.
  assert.doesNotMatch(stderr, /would violate PodSecurity/)
}
