/** What a load balancer needs of the pods behind it. */
export interface Preset {
  description: string
  /** Until it has heard of the end of a pod, nothing in the pod may change. */
  preStopSeconds: number
  drainSeconds: number
  /** Longer than the balancer's own idle timeout: who closes first must not be us. */
  keepAliveSeconds: number
  serviceType: 'ClusterIP' | 'LoadBalancer'
  serviceAnnotations: Record<string, string>
  ingressAnnotations: Record<string, string>
}

const plain = { serviceType: 'ClusterIP', serviceAnnotations: {}, ingressAnnotations: {} } as const
const aws = 'service.beta.kubernetes.io/aws-load-balancer'
const alb = 'alb.ingress.kubernetes.io'

export const presets: Record<string, Preset> = {
  clusterip: {
    ...plain,
    description: 'kube-proxy, or an ingress controller or gateway in the cluster',
    preStopSeconds: 5,
    drainSeconds: 5,
    keepAliveSeconds: 72,
    // The two whose defaults (60 s) end a quiet stream; others ignore them.
    ingressAnnotations: {
      'nginx.ingress.kubernetes.io/proxy-read-timeout': '3600',
      'nginx.ingress.kubernetes.io/proxy-send-timeout': '3600',
      'nginx.ingress.kubernetes.io/proxy-buffering': 'off',
      'haproxy.org/timeout-tunnel': '1h',
      'haproxy.org/timeout-server': '1h',
    },
  },
  alb: {
    ...plain,
    description: 'AWS Application Load Balancer with IP targets',
    preStopSeconds: 25,
    drainSeconds: 10,
    keepAliveSeconds: 72,
    ingressAnnotations: {
      [`${alb}/target-type`]: 'ip',
      [`${alb}/healthcheck-path`]: '/readyz',
      [`${alb}/healthcheck-interval-seconds`]: '5',
      [`${alb}/healthcheck-timeout-seconds`]: '2',
      [`${alb}/target-group-attributes`]: 'deregistration_delay.timeout_seconds=30',
      [`${alb}/load-balancer-attributes`]: 'idle_timeout.timeout_seconds=60',
    },
  },
  nlb: {
    description: 'AWS Network Load Balancer with IP targets',
    preStopSeconds: 120,
    drainSeconds: 10,
    keepAliveSeconds: 360,
    serviceType: 'LoadBalancer',
    serviceAnnotations: {
      [`${aws}-type`]: 'external',
      [`${aws}-nlb-target-type`]: 'ip',
      [`${aws}-healthcheck-protocol`]: 'http',
      [`${aws}-healthcheck-path`]: '/readyz',
      [`${aws}-healthcheck-interval`]: '10',
      [`${aws}-target-group-attributes`]: 'deregistration_delay.timeout_seconds=120',
    },
    ingressAnnotations: {},
  },
  gclb: {
    ...plain,
    description: 'Google Cloud Application Load Balancer with network endpoint groups',
    preStopSeconds: 60,
    drainSeconds: 10,
    keepAliveSeconds: 620,
    serviceAnnotations: { 'cloud.google.com/neg': '{"ingress": true}' },
    ingressAnnotations: { 'kubernetes.io/ingress.class': 'gce' },
  },
  custom: {
    ...plain,
    description: 'yours: nothing is checked against a preset, 0 is allowed',
    preStopSeconds: 5,
    drainSeconds: 5,
    keepAliveSeconds: 72,
  },
}
