import type { JournalEvent } from '../journal/event.ts'
import { createContainerProjection } from './container-projection.ts'
import type { Database } from './database.ts'
import { createInstructionProjection } from './instruction-projection.ts'
import { createPodProjection } from './pod-projection.ts'

/** How an event changes the rows, by its domain. `agent.*` changes none, `container.*` is in `places.ts`. */
export function createProjection(db: Database): (event: JournalEvent) => void {
  const project = {
    instruction: createInstructionProjection(db),
    container: createContainerProjection(db),
    service: createPodProjection(db),
  }
  return (event) => {
    const domain = event.type.split('.')[0]
    if (domain === 'agent') return
    if (domain === 'instruction') project.instruction(event)
    else if (domain === 'service') project.service(event)
    else project.container(event)
  }
}
