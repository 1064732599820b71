import assert from 'node:assert/strict'
import { configSettings } from '../../scripts/chart/config.ts'
import { presets } from '../../scripts/chart/presets.ts'
import { type Value, chartValues } from '../../scripts/chart/schema.ts'
import { cases } from './cases/index.ts'
import { at, find, nested, withHelm } from './support.ts'

/** A value that is not the default, of each setting of the service. */
function other(name: string, { type, enum: words, minimum = 0, default: value, pattern }: Value) {
  if (type === 'boolean') return value !== true
  if (type === 'integer' || type === 'number') {
    // One that Go would print as 1.048577e+06, where there may be one so large.
    const more = name.startsWith('MAX_BODY') ? 1_048_577 : Number(value ?? minimum) + 1
    return name === 'DRAIN_SECONDS' ? 7.5 : name === 'KEEP_ALIVE_SECONDS' ? 100 : more
  }
  if (words !== undefined) return words.find((word) => word !== value) ?? ''
  if (name === 'HISTORY_RETENTION') return '12h'
  return pattern === undefined ? `a "quoted" value: # of ${name}` : 'NAME'
}

/** Settings that are of no use alone. */
const companions: Record<string, Record<string, string>> = {
  JWT_ISSUER: { JWT_AUDIENCE: 'baton' },
  JWT_AUDIENCE: { JWT_ISSUER: 'https://issuer.example' },
  JWT_JWKS_URL: { JWT_ISSUER: 'https://issuer.example', JWT_AUDIENCE: 'baton' },
}

const leaves = (values: Record<string, Value>, path = ''): string[] =>
  Object.entries(values).flatMap(([name, { properties }]) =>
    properties !== undefined && Object.keys(properties).length > 0
      ? leaves(properties, `${path}${name}.`)
      : [`${path}${name}`],
  )

withHelm('a value has its effect', (fact) => {
  for (const { title, values, kind, name, path, is, apis = [] } of cases) {
    fact(`${title}: ${kind} ${path} is ${JSON.stringify(is)}`, async (chart) => {
      const manifests = await chart.render(values, { apis })
      assert.deepEqual(at(find(manifests, kind, name), path), is)
    })
  }

  for (const [name, schema] of configSettings) {
    const value = other(name, schema as Value)
    fact(`config.${name}: ${JSON.stringify(value)} reaches the service`, async (chart) => {
      const before = await chart.render()
      const after = await chart.render({ config: { ...companions[name], [name]: value } })
      assert.equal(at(find(after, 'ConfigMap'), `data.${name}`), String(value))
      const checksum = 'spec.template.metadata.annotations.checksum/config'
      assert.notEqual(at(find(after, 'Deployment'), checksum), at(find(before, 'Deployment'), checksum))
    })
  }

  for (const [preset, wanted] of Object.entries(presets)) {
    fact(`loadBalancer.preset: ${preset} sets sleep, window, type and annotations`, async (chart) => {
      const manifests = await chart.render({ loadBalancer: { preset }, ingress: { enabled: true } })
      const pod = at(find(manifests, 'Deployment'), 'spec.template.spec')
      assert.equal(at(pod, 'containers.0.lifecycle.preStop.sleep.seconds'), wanted.preStopSeconds)
      const config = at(find(manifests, 'ConfigMap'), 'data') as Record<string, string>
      assert.equal(config.DRAIN_SECONDS, String(wanted.drainSeconds))
      assert.equal(config.KEEP_ALIVE_SECONDS, String(wanted.keepAliveSeconds))
      const service = find(manifests, 'Service')
      assert.equal(at(service, 'spec.type'), wanted.serviceType)
      assert.deepEqual(service.metadata.annotations ?? {}, wanted.serviceAnnotations)
      assert.deepEqual(find(manifests, 'Ingress').metadata.annotations ?? {}, wanted.ingressAnnotations)
    })
  }

  for (const name of ['serviceMonitor', 'prometheusRule', 'dashboard', 'ingress', 'autoscaling']) {
    fact(`${name} is off by default, and enabling it adds exactly one object`, async (chart) => {
      const [without, withIt] = [await chart.render(), await chart.render(nested(`${name}.enabled`, true))]
      assert.equal(withIt.length, without.length + 1)
    })
  }

  fact('every value of the schema is in one of these tables', () => {
    const flat = (value: unknown, path: string): string[] => [
      path,
      ...(typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.entries(value).flatMap(([name, inner]) =>
            flat(inner, path === '' ? name : `${path}.${name}`),
          )
        : []),
    ]
    const tried = new Set(cases.flatMap(({ values }) => flat(values, '')))
    const own = { ...chartValues() }
    delete own.config
    assert.deepEqual(
      leaves(own).filter((path) => !tried.has(path)),
      [],
    )
  })
})
