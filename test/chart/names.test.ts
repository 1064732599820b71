import assert from 'node:assert/strict'
import { type Manifest, type Options, type Values, at, find, withHelm } from './support.ts'

const everything: Values = {
  workspaces: { accessMode: 'ReadWriteMany' },
  autoscaling: { enabled: true },
  ingress: { enabled: true },
  httpRoute: { enabled: true, parentRefs: [{ name: 'gateway' }] },
  serviceMonitor: { enabled: true },
  prometheusRule: { enabled: true },
  dashboard: { enabled: true },
}
const longest = 'a'.repeat(53)
const identities = (manifests: Manifest[]) =>
  manifests.map(({ kind, metadata }) => `${kind}/${metadata.name}`)
/** Kubernetes adds to the names of pods and revisions of a StatefulSet: `-0`, or a dash and a hash of ten. */
const roomOf = (kind: string) => (kind === 'StatefulSet' ? 52 : 63)

const names: [what: string, values: Values, options: Options][] = [
  ['the longest release name', everything, { release: longest }],
  ['a release named as the chart', everything, { release: 'baton' }],
  ['the longest fullnameOverride', { ...everything, fullnameOverride: 'b'.repeat(40) }, { release: longest }],
  ['the longest nameOverride', { ...everything, nameOverride: 'c'.repeat(40) }, { release: longest }],
  ['a cut that would end in a dash', everything, { release: `${'d'.repeat(30)}-${'d'.repeat(22)}` }],
]

const pairs: [string, string][] = [
  ['one', 'two'],
  ['baton', 'baton-2'],
  [`${'a'.repeat(52)}b`, `${'a'.repeat(52)}c`],
  [`${'a'.repeat(31)}-1`, `${'a'.repeat(31)}-2`],
]

withHelm('names', (fact) => {
  for (const [what, values, options] of names) {
    fact(`of ${what} are short enough, and labels too`, async (chart) => {
      const manifests = await chart.render(values, options)
      assert.ok(manifests.length > 12)
      for (const { kind, metadata } of manifests) {
        assert.match(metadata.name, /^[a-z]([a-z0-9-]*[a-z0-9])?$/)
        assert.ok(metadata.name.length <= roomOf(kind), `${kind} ${metadata.name}`)
        for (const label of Object.values(metadata.labels ?? {}))
          assert.match(label, /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/)
      }
    })
  }

  for (const [one, two] of pairs) {
    fact(`of the releases ${one} and ${two} in one namespace do not collide`, async (chart) => {
      const first = identities(await chart.render(everything, { release: one }))
      const second = identities(await chart.render(everything, { release: two }))
      assert.deepEqual(
        first.filter((name) => second.includes(name)),
        [],
      )
    })

    fact(`of the releases ${one} and ${two}: neither selects the pods of the other`, async (chart) => {
      const [first, second] = [
        await chart.render({}, { release: one }),
        await chart.render({}, { release: two }),
      ]
      const selector = (manifests: Manifest[]) =>
        manifests.filter(({ kind }) => kind === 'Service').map((service) => at(service, 'spec.selector'))
      const labels = second
        .filter(({ kind }) => ['Deployment', 'StatefulSet'].includes(kind))
        .map((owner) => at(owner, 'spec.template.metadata.labels') as Record<string, string>)
      for (const wanted of selector(first))
        for (const given of labels)
          assert.ok(Object.entries(wanted as object).some(([key, value]) => given[key] !== value))
    })
  }

  fact('are unique within a release', async (chart) => {
    const all = identities(await chart.render(everything))
    assert.equal(new Set(all).size, all.length)
  })

  fact('of what the pods refer to are names of what is there', async (chart) => {
    const manifests = await chart.render(everything, { release: longest })
    const deployment = manifests.find(({ kind }) => kind === 'Deployment')
    const { name } = deployment?.metadata ?? { name: '' }
    const pod = at(deployment, 'spec.template.spec')
    find(manifests, 'ConfigMap', String(at(pod, 'containers.0.envFrom.0.configMapRef.name')))
    find(manifests, 'ServiceAccount', String(at(pod, 'serviceAccountName')))
    find(
      manifests,
      'PersistentVolumeClaim',
      String(at(pod, 'volumes.[workspaces].persistentVolumeClaim.claimName')),
    )
    assert.equal(
      at(pod, 'containers.0.env.[REDIS_URL].value'),
      `redis://:$(REDIS_PASSWORD)@${name}-redis:6379`,
    )
    find(manifests, 'Service', `${name}-redis`)
  })

  fact(
    'of services, workloads and pods: Redis and the test are selected by no Service of Baton',
    async (chart) => {
      const manifests = await chart.render()
      const selector = at(find(manifests, 'Service'), 'spec.selector') as Record<string, string>
      const key = 'app.kubernetes.io/name'
      assert.equal(selector[key], 'baton')
      assert.equal(find(manifests, 'Pod', 'baton-test').metadata.labels?.[key], 'baton-test')
      assert.equal(
        (
          at(find(manifests, 'StatefulSet', 'baton-redis'), 'spec.template.metadata.labels') as Record<
            string,
            string
          >
        )[key],
        'baton-redis',
      )
    },
  )
})
