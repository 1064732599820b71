import { eq } from 'drizzle-orm'
import type { JournalEvent } from '../journal/event.ts'
import { stoppedDaemon } from './container-projection.ts'
import type { Database } from './database.ts'
import { text } from './fields.ts'
import { containers, pods } from './schema.ts'

/** `service.*`: a pod that starts or stops runs no daemon, also when it had no time to say so. */
export function createPodProjection(db: Database) {
  return ({ type, time, data }: JournalEvent) => {
    const pod = text(data['pod'])
    if (pod === null || (type !== 'service.started' && type !== 'service.stopped')) return
    const values =
      type === 'service.started' ? { startedAt: time } : { stoppedAt: time, report: data['report'] ?? null }
    db.insert(pods)
      .values({ pod, ...values })
      .onConflictDoUpdate({ target: pods.pod, set: values })
      .run()
    db.update(containers).set(stoppedDaemon).where(eq(containers.daemonPod, pod)).run()
  }
}
