import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient, until } from '../support/client.ts'
import { chart, createNamespace, imageValues, reach, readToken, release, skip } from './support/baton.ts'
import { execute, read } from './support/commands.ts'
import { listPods } from './support/pods.ts'
import { record } from './support/record.ts'

const timeout = 1_200_000
const helms = [process.env.HELM ?? 'helm', ...(process.env.HELM4 === undefined ? [] : [process.env.HELM4])]
/** Everything that a chart can leave behind in a namespace. */
const kinds =
  'deployments,statefulsets,replicasets,pods,services,configmaps,secrets,serviceaccounts,roles,rolebindings,' +
  'poddisruptionbudgets,horizontalpodautoscalers,networkpolicies,ingresses,jobs'

interface List {
  items: { kind: string; metadata: { name: string } }[]
}

for (const helm of helms) {
  test(`${helm}: install, test, upgrade, roll back and uninstall, as the README says`, {
    skip,
    timeout,
  }, async (t) => {
    const namespace = await createNamespace(t, 'baton-lifecycle')
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await execute(helm, ['-n', namespace, ...args])
      assert.equal(code, 0, `${helm} ${args.join(' ')}: ${stderr}${stdout}`)
      return stdout
    }
    const version = (await run('version', '--short')).trim()
    const startedAt = performance.now()
    const notes = await run('install', release, chart, ...imageValues())
    const { base, token, id } = await firstInstruction(namespace)
    const seconds = (performance.now() - startedAt) / 1000
    t.diagnostic(`${version}: ${seconds.toFixed(1)} s from install to the first finished instruction`)
    await record(`install-${version.replace(/[^\w.]/g, '_')}`, { version, seconds })
    assert.match(notes, /curl/)
    const settings = await read<{ data: Record<string, string> }>(
      '-n',
      namespace,
      'get',
      'configmap',
      release,
    )
    const isAnonymous = settings.data.ALLOW_ANONYMOUS === 'true'
    assert.ok(isAnonymous || (token !== undefined && token.length >= 20), 'the chart makes a token')

    await run('test', release, '--timeout', '5m')

    const before = await podNames(namespace)
    await run(
      'upgrade',
      release,
      chart,
      ...imageValues(),
      '--set',
      'config.LOG_LEVEL=debug',
      '--wait',
      '--timeout',
      '5m',
    )
    const after = await podNames(namespace)
    assert.ok(
      before.every((name) => !after.includes(name)),
      'a changed setting rolls every pod',
    )
    assert.equal(await readToken(namespace), token)
    assert.equal((await createClient(base, token).instruction('c-1', id)).state, 'succeeded')

    await run('rollback', release, '1', '--wait', '--timeout', '5m')
    assert.equal(await readToken(namespace), token)
    assert.equal(
      (await createClient(await reach(namespace), token).instruction('c-1', id)).state,
      'succeeded',
    )

    const claims = await names(namespace, 'persistentvolumeclaims')
    await run('uninstall', release, '--wait', '--timeout', '5m')
    await until('every pod is gone', async () => (await names(namespace, 'pods')).length === 0, 180_000)
    const left = (await names(namespace, kinds)).filter(
      (name) => !['ConfigMap/kube-root-ca.crt', 'ServiceAccount/default'].includes(name),
    )
    assert.deepEqual(left, [])
    t.diagnostic(
      `left: ${(await names(namespace, 'persistentvolumeclaims')).join(', ')} of ${claims.join(', ')}`,
    )
  })
}

/** What a new user waits for. */
async function firstInstruction(namespace: string) {
  const base = await reach(namespace, 300_000)
  const token = await readToken(namespace)
  const client = createClient(base, token)
  await client.register('c-1')
  const { id } = await client.submit('c-1', 'say hello')
  await client.waitFor('c-1', id, 'succeeded', 60_000)
  return { base, token, id }
}

const podNames = async (namespace: string) =>
  (await listPods(namespace, `app.kubernetes.io/instance=${release},app.kubernetes.io/name=baton`))
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name)

const names = async (namespace: string, what: string) =>
  (await read<List>('-n', namespace, 'get', what)).items.map(
    ({ kind, metadata }) => `${kind}/${metadata.name}`,
  )
