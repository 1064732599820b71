import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rankOf } from '../../src/ownership/placement.ts'

const pods = ['pod-1', 'pod-2', 'pod-3']
const containers = Array.from({ length: 300 }, (_, i) => `c-${i}`)
const firstOf = (candidates: string[], container: string) =>
  candidates.find((pod) => rankOf(pod, candidates, container) === 0)

test('every pod has its own place in the order of a container', () => {
  for (const container of containers) {
    assert.deepEqual(new Set(pods.map((pod) => rankOf(pod, pods, container))), new Set([0, 1, 2]))
  }
})

test('the containers spread over the pods', () => {
  for (const pod of pods) {
    const share = containers.filter((container) => firstOf(pods, container) === pod).length
    assert.ok(share > 60 && share < 140, `${pod} is first for ${share} of 300`)
  }
})

test('a pod that goes changes the first of its own containers only', () => {
  const left = ['pod-1', 'pod-3']
  for (const container of containers) {
    const before = firstOf(pods, container)
    if (before !== 'pod-2') assert.equal(firstOf(left, container), before)
  }
})
