import assert from 'node:assert/strict'
import { shutdownBudget } from '../../src/config.ts'
import { presets } from '../../scripts/chart/presets.ts'
import { type Values, at, find, withHelm } from './support.ts'

const marginSeconds = 5

interface Case {
  preset?: string
  preStop?: number
  drain?: number
  workers?: number
}

const cases: Case[] = [
  ...Object.keys(presets).map((preset) => ({ preset })),
  ...[1, 2.5, 30, 45, 60, 300, 3600, 86_400].map((workers) => ({ workers })),
  ...[5, 7.25, 10, 60, 3600].map((drain) => ({ drain })),
  ...[5, 6, 30, 600].map((preStop) => ({ preStop })),
  { preset: 'custom', preStop: 0, drain: 0 },
  { preset: 'custom', preStop: 0, drain: 0, workers: 1 },
  { preset: 'alb', workers: 600 },
  { preset: 'nlb', preStop: 130, drain: 12.5, workers: 61.5 },
  { preset: 'gclb', preStop: 600, drain: 3600, workers: 86_400 },
]

function valuesOf({ preset = 'clusterip', preStop, drain, workers }: Case): Values {
  return {
    loadBalancer: { preset, ...(preStop === undefined ? {} : { preStopSeconds: preStop }) },
    config: {
      ...(drain === undefined ? {} : { DRAIN_SECONDS: drain }),
      ...(workers === undefined ? {} : { WORKERS_BUDGET_SECONDS: workers }),
    },
  }
}

function expected({ preset = 'clusterip', preStop, drain, workers = 30 }: Case): number {
  const set = presets[preset]
  assert.ok(set)
  const { totalSeconds } = shutdownBudget({
    DRAIN_SECONDS: drain ?? set.drainSeconds,
    WORKERS_BUDGET_SECONDS: workers,
  })
  return Math.ceil((preStop ?? set.preStopSeconds) + totalSeconds + marginSeconds)
}

withHelm('the grace period', (fact) => {
  for (const one of cases) {
    fact(
      `of ${JSON.stringify(one)} is the sum of the service, the preStop sleep and the margin`,
      async (chart) => {
        const deployment = find(await chart.render(valuesOf(one)), 'Deployment')
        const pod = at(deployment, 'spec.template.spec')
        assert.equal(at(pod, 'terminationGracePeriodSeconds'), expected(one))
        const env = at(pod, 'containers.0.env.[TERMINATION_GRACE_PERIOD_SECONDS].value')
        assert.equal(env, String(expected(one)))
      },
    )
  }

  fact('may be longer than the sum', async (chart) => {
    const deployment = find(await chart.render({ terminationGracePeriodSeconds: 100_000 }), 'Deployment')
    assert.equal(at(deployment, 'spec.template.spec.terminationGracePeriodSeconds'), 100_000)
    assert.equal(
      at(deployment, 'spec.template.spec.containers.0.env.[TERMINATION_GRACE_PERIOD_SECONDS].value'),
      '100000',
    )
  })

  fact('may be exactly the sum, and one second less is refused term by term', async (chart) => {
    await chart.render({ terminationGracePeriodSeconds: 64 })
    const { steps } = shutdownBudget({ DRAIN_SECONDS: 5, WORKERS_BUDGET_SECONDS: 30 })
    const terms = steps.map(({ name, seconds }) => `${name} ${seconds}`).join(' + ')
    assert.match(
      await chart.refusal({ terminationGracePeriodSeconds: 63 }),
      new RegExp(
        RegExp.escape(
          `63 is too short for a shutdown, which may take 64 s = preStop sleep 5 + ${terms} + margin 5.`,
        ),
      ),
    )
  })

  fact('is printed in the notes, term by term, with the time that an upgrade needs', async (chart) => {
    const notes = await chart.notes({ config: { WORKERS_BUDGET_SECONDS: 100.5 } })
    const { steps } = shutdownBudget({ DRAIN_SECONDS: 5, WORKERS_BUDGET_SECONDS: 100.5 })
    const rows = [{ name: 'preStop sleep', seconds: 5 }, ...steps, { name: 'margin', seconds: 5 }]
    for (const { name, seconds } of rows) assert.match(notes, new RegExp(`^  ${name} +${seconds} s$`, 'm'))
    assert.match(notes, /^ {2}sum +135 s {3}terminationGracePeriodSeconds is 135$/m)
    assert.match(notes, /--timeout 255s$/m)
  })
})
