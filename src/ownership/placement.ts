import { createHash } from 'node:crypto'

/**
 * A pod's place in the order in which pods may claim a container: 0 is first. By rendezvous hash, so that every pod
 * knows the order without asking, and the containers of a pod that is gone spread over all others.
 */
export function rankOf(podId: string, pods: string[], containerId: string): number {
  const weight = (pod: string) => createHash('sha256').update(`${pod} ${containerId}`).digest('hex')
  const own = weight(podId)
  return pods.filter((pod) => pod !== podId && weight(pod) > own).length
}
