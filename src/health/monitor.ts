import type { Logger } from 'pino'
import type { DaemonInfo, Daemons } from '../daemons/types.ts'
import { type Config, stepBudgets } from '../config.ts'
import type { Component } from '../lifecycle.ts'
import { type CheckLimits, examine } from './checks.ts'
import type { Recovery } from './recovery.ts'

/** Looks at every daemon of this pod at an interval, and at once when one exits without having been asked to. */
export function createHealthMonitor(deps: {
  daemons: Daemons
  recovery: Recovery
  config: Config
  log: Logger
}): Component {
  const { daemons, recovery, config, log } = deps
  const intervalMs = config.HEALTH_INTERVAL_SECONDS * 1000
  const limits: CheckLimits = {
    pingMs: config.HEALTH_PING_TIMEOUT_SECONDS * 1000,
    turnStallMs: config.TURN_STALL_SECONDS * 1000,
    toolStallMs: config.TOOL_STALL_SECONDS * 1000,
  }
  const checking = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  async function check(info: DaemonInfo) {
    const { containerId } = info
    if (checking.has(containerId) || recovery.isRecovering(containerId)) return
    checking.add(containerId)
    try {
      const ailment = await examine(daemons, info, limits)
      if (ailment === null || isStopped) return
      log.warn({ containerId, reason: ailment }, 'Claude daemon is unhealthy')
      // The turn that runs there ends as hung, and its worker joins this same recovery.
      if (ailment !== 'exited') await daemons.kill(containerId, 'hang')
      await recovery.recover(containerId, ailment)
    } finally {
      checking.delete(containerId)
    }
  }

  function checkSoon(info: DaemonInfo | undefined) {
    if (info === undefined || isStopped) return
    check(info).catch((err: unknown) =>
      log.error({ err, containerId: info.containerId }, 'A health check failed'),
    )
  }

  return {
    name: 'health-monitor',
    budgetMs: stepBudgets['health-monitor'],
    start() {
      daemons.onExit((containerId, { wasRequested }) => {
        if (!wasRequested) checkSoon(daemons.info(containerId))
      })
      timer = setInterval(() => daemons.list().forEach(checkSoon), intervalMs)
    },
    async stop() {
      log.info('Stopping health monitors...')
      isStopped = true
      clearInterval(timer)
      await recovery.stop()
      log.info('All health monitors stopped')
    },
  }
}
