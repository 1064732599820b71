import type { Logger } from 'pino'
import { stepBudgets } from '../config.ts'
import type { Component } from '../lifecycle.ts'
import type { History } from './open.ts'

/** SQLite is opened before all else, as everything reads it, and closed after all else. */
export const createDatabase = (history: Pick<History, 'close'>, log: Logger): Component => ({
  name: 'database',
  budgetMs: stepBudgets.database,
  stop() {
    history.close()
    log.info('Database closed')
  },
})
