import { type Case, scraped, effect, onContainer } from './case.ts'

const external = { url: 'rediss://user:p%40ss@redis.example.com:6380/0' }
const token = 'a-token-of-16-or-more:write:c-1,c-2 another-token-of-mine:read'

export const ports: Case[] = [
  onContainer({ ports: { http: 8080 } }, 'ports.0', { name: 'http', containerPort: 8080 }),
  effect({ ports: { http: 8080 } }, 'ConfigMap', 'data.PORT', '8080'),
  effect({}, 'ConfigMap', 'data.METRICS_PORT', '9090'),
  effect({ ports: { metrics: 9100 } }, 'ConfigMap', 'data.METRICS_PORT', '9100'),
  onContainer({ ports: { metrics: 9100 } }, 'ports.1', { name: 'metrics', containerPort: 9100 }),
  effect({ ports: { metrics: 9100 } }, 'Deployment', `${scraped}/port`, '9100'),
  effect({ ports: { metrics: 9100 } }, 'NetworkPolicy', 'spec.ingress.1', { ports: [{ port: 'metrics' }] }),
  effect({ ports: { metrics: 9100 } }, 'Service', 'spec.ports.0.port', 9100, 'baton-metrics'),
  effect({}, 'Service', 'spec.clusterIP', 'None', 'baton-metrics'),
  effect({ loadBalancer: { preset: 'nlb' } }, 'Service', 'spec.type', undefined, 'baton-metrics'),
  effect({ serviceMonitor: { enabled: true } }, 'ServiceMonitor', 'spec.endpoints.0.port', 'metrics'),
  effect({ ports: { metrics: null } }, 'ConfigMap', 'data.METRICS_PORT', undefined),
  effect({ ports: { metrics: null } }, 'Deployment', `${scraped}/scrape`, undefined),
  effect({ ports: { metrics: null }, auth: { anonymous: true } }, 'Deployment', `${scraped}/port`, '3000'),
  effect(
    { ports: { metrics: null }, auth: { anonymous: true }, serviceMonitor: { enabled: true } },
    'ServiceMonitor',
    'spec.endpoints.0.port',
    'http',
  ),
  onContainer({ ports: { metrics: null } }, 'ports', [{ name: 'http', containerPort: 3000 }]),
  onContainer({ ports: { metrics: null } }, 'livenessProbe.httpGet.port', 'http'),
  onContainer({ ports: { metrics: null } }, 'readinessProbe.httpGet.port', 'http'),
  onContainer({ ports: { metrics: null } }, 'startupProbe.httpGet.port', 'http'),
  onContainer({ probes: { startup: { periodSeconds: 3 } } }, 'startupProbe.periodSeconds', 3),
  onContainer({ probes: { startup: { timeoutSeconds: 3 } } }, 'startupProbe.timeoutSeconds', 3),
  onContainer({ probes: { startup: { failureThreshold: 3 } } }, 'startupProbe.failureThreshold', 3),
  onContainer({ probes: { liveness: { periodSeconds: 3 } } }, 'livenessProbe.periodSeconds', 3),
  onContainer({ probes: { liveness: { timeoutSeconds: 3 } } }, 'livenessProbe.timeoutSeconds', 3),
  onContainer({ probes: { liveness: { failureThreshold: 7 } } }, 'livenessProbe.failureThreshold', 7),
  onContainer({ probes: { readiness: { periodSeconds: 1 } } }, 'readinessProbe.periodSeconds', 1),
  onContainer({ probes: { readiness: { timeoutSeconds: 1 } } }, 'readinessProbe.timeoutSeconds', 1),
  onContainer({ probes: { readiness: { failureThreshold: 1 } } }, 'readinessProbe.failureThreshold', 1),
]

export const secrets: Case[] = [
  effect({ auth: { anonymous: true } }, 'ConfigMap', 'data.ALLOW_ANONYMOUS', 'true'),
  onContainer({ auth: { anonymous: true } }, 'env.[API_TOKENS]', undefined),
  effect({ redis: external }, 'Secret', 'data.REDIS_URL', Buffer.from(external.url).toString('base64')),
  onContainer({ redis: external }, 'env.[REDIS_URL].valueFrom.secretKeyRef', {
    name: 'baton',
    key: 'REDIS_URL',
  }),
  onContainer({ redis: external }, 'env.[REDIS_PASSWORD]', undefined),
  onContainer({ redis: { existingSecret: 'mine' } }, 'env.[REDIS_URL].valueFrom.secretKeyRef', {
    name: 'mine',
    key: 'REDIS_URL',
  }),
  onContainer(
    { redis: { existingSecret: 'mine', existingSecretKey: 'url' } },
    'env.[REDIS_URL].valueFrom.secretKeyRef.key',
    'url',
  ),
  effect({ redis: { bundled: { password: 'abc' } } }, 'Secret', 'data.REDIS_PASSWORD', 'YWJj'),
]

export const tokens: Case[] = [
  effect({ auth: { tokens: token } }, 'Secret', 'data.API_TOKENS', Buffer.from(token).toString('base64')),
  onContainer({ auth: { tokens: token } }, 'env.[API_TOKENS].valueFrom.secretKeyRef', {
    name: 'baton',
    key: 'API_TOKENS',
  }),
  onContainer({ auth: { existingSecret: 'mine' } }, 'env.[API_TOKENS].valueFrom.secretKeyRef', {
    name: 'mine',
    key: 'API_TOKENS',
  }),
  onContainer(
    { auth: { existingSecret: 'mine', existingSecretKey: 't' } },
    'env.[API_TOKENS].valueFrom.secretKeyRef.key',
    't',
  ),
  onContainer({ extraEnv: [{ name: 'API_TOKENS_FILE', value: '/run/t' }] }, 'env.[API_TOKENS]', undefined),
  effect({ auth: { existingSecret: 'mine' } }, 'Secret', 'data.API_TOKENS', undefined),
  effect({}, 'ConfigMap', 'data.ALLOW_ANONYMOUS', undefined),
]
