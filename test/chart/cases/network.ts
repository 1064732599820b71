import { type Case, selector, effect, onContainer } from './case.ts'

const peer = { namespaceSelector: { matchLabels: { team: 'a' } } }
const labels = { labels: { release: 'prometheus' } }

export const network: Case[] = [
  onContainer({ loadBalancer: { preStopSeconds: 9 } }, 'lifecycle.preStop.sleep.seconds', 9),
  onContainer({ loadBalancer: { preset: 'custom', preStopSeconds: 0 } }, 'lifecycle', undefined),
  effect({ service: { type: 'NodePort' } }, 'Service', 'spec.type', 'NodePort'),
  effect({ service: { type: 'NodePort', nodePort: 30_080 } }, 'Service', 'spec.ports.0.nodePort', 30_080),
  effect({ service: { port: 8000 } }, 'Service', 'spec.ports.0.port', 8000),
  effect({ service: { annotations: { a: 'b' } } }, 'Service', 'metadata.annotations', { a: 'b' }),
  effect(
    {
      loadBalancer: { preset: 'nlb' },
      service: { annotations: { 'service.beta.kubernetes.io/aws-load-balancer-type': 'mine' } },
    },
    'Service',
    'metadata.annotations.service\\.beta\\.kubernetes\\.io/aws-load-balancer-type',
    'mine',
  ),
  effect(
    { service: { trafficDistribution: 'PreferClose' } },
    'Service',
    'spec.trafficDistribution',
    'PreferClose',
  ),
  effect({ ingress: { enabled: true } }, 'Ingress', 'spec.rules.0.host', undefined),
  effect(
    { ingress: { enabled: true } },
    'Ingress',
    'metadata.annotations.nginx\\.ingress\\.kubernetes\\.io/proxy-read-timeout',
    '3600',
  ),
  effect({ ingress: { enabled: true, className: 'traefik' } }, 'Ingress', 'spec.ingressClassName', 'traefik'),
  effect({ ingress: { enabled: true, annotations: { a: 'b' } } }, 'Ingress', 'metadata.annotations.a', 'b'),
  effect({ ingress: { enabled: true, hosts: ['a.b', 'c.d'] } }, 'Ingress', 'spec.rules.1.host', 'c.d'),
  effect(
    { ingress: { enabled: true, path: '/baton' } },
    'Ingress',
    'spec.rules.0.http.paths.0.path',
    '/baton',
  ),
  effect({ ingress: { enabled: true, tls: [{ secretName: 's' }] } }, 'Ingress', 'spec.tls', [
    { secretName: 's' },
  ]),
  effect({ httpRoute: { enabled: true, parentRefs: [{ name: 'g' }] } }, 'HTTPRoute', 'spec.parentRefs', [
    { name: 'g' },
  ]),
  effect(
    { httpRoute: { enabled: true, parentRefs: [{ name: 'g' }] } },
    'HTTPRoute',
    'spec.rules.0.timeouts',
    {
      request: '0s',
      backendRequest: '0s',
    },
  ),
  effect(
    { httpRoute: { enabled: true, parentRefs: [{ name: 'g' }], hostnames: ['a.b'] } },
    'HTTPRoute',
    'spec.hostnames',
    ['a.b'],
  ),
  effect(
    { httpRoute: { enabled: true, parentRefs: [{ name: 'g' }], annotations: { a: 'b' } } },
    'HTTPRoute',
    'metadata.annotations',
    { a: 'b' },
  ),
  effect(
    { httpRoute: { enabled: true, parentRefs: [{ name: 'g' }] }, service: { port: 81 } },
    'HTTPRoute',
    'spec.rules.0.backendRefs',
    [{ name: 'baton', port: 81 }],
  ),
  effect({ networkPolicy: { enabled: true } }, 'NetworkPolicy', 'spec.ingress', [
    { ports: [{ port: 'http' }] },
    { ports: [{ port: 'metrics' }] },
  ]),
  effect({ networkPolicy: { from: [peer] } }, 'NetworkPolicy', 'spec.ingress.0.from.0', peer),
  effect(
    {},
    'NetworkPolicy',
    'spec.ingress.0.from',
    [{ podSelector: { matchLabels: selector } }],
    'baton-redis',
  ),
  {
    ...effect(
      { loadBalancer: { preset: 'gclb' } },
      'BackendConfig',
      'spec.healthCheck.requestPath',
      '/readyz',
    ),
    apis: ['cloud.google.com/v1/BackendConfig'],
  },
  {
    ...effect(
      { loadBalancer: { preset: 'gclb' } },
      'Service',
      'metadata.annotations.cloud\\.google\\.com/backend-config',
      '{"default":"baton"}',
    ),
    apis: ['cloud.google.com/v1/BackendConfig'],
  },
]

export const monitoring: Case[] = [
  effect({}, 'Deployment', 'spec.template.metadata.annotations.prometheus\\.io/scrape', 'true'),
  effect(
    { prometheusAnnotations: false },
    'Deployment',
    'spec.template.metadata.annotations.prometheus\\.io/scrape',
    undefined,
  ),
  effect({ serviceMonitor: { enabled: true } }, 'ServiceMonitor', 'spec.selector.matchLabels', {
    ...selector,
    'app.kubernetes.io/component': 'metrics',
  }),
  effect(
    { serviceMonitor: { enabled: true, interval: '1m' } },
    'ServiceMonitor',
    'spec.endpoints.0.interval',
    '1m',
  ),
  effect(
    { serviceMonitor: { enabled: true, ...labels } },
    'ServiceMonitor',
    'metadata.labels.release',
    'prometheus',
  ),
  effect(
    { prometheusRule: { enabled: true } },
    'PrometheusRule',
    'spec.groups.[baton\\.alerts].rules.0.alert',
    'BatonDown',
  ),
  effect(
    { prometheusRule: { enabled: true, ...labels } },
    'PrometheusRule',
    'metadata.labels.release',
    'prometheus',
  ),
  effect(
    { prometheusRule: { enabled: true, runbookUrl: 'https://r.example/b.md' } },
    'PrometheusRule',
    'spec.groups.[baton\\.alerts].rules.0.annotations.runbook_url',
    'https://r.example/b.md#batondown',
  ),
  effect(
    { dashboard: { enabled: true } },
    'ConfigMap',
    'metadata.labels.grafana_dashboard',
    '1',
    'baton-dashboard',
  ),
  effect(
    { dashboard: { enabled: true, labels: { g: '2' } } },
    'ConfigMap',
    'metadata.labels.g',
    '2',
    'baton-dashboard',
  ),
]
