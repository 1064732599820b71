import type { JobEnd } from '../queues/turn.ts'

/** What became of the instructions that ran when the shutdown began. */
export function createInstructionCounts(isCounting: () => boolean) {
  const count = { finished: 0, handedBack: 0 }
  return {
    add(end: JobEnd) {
      if (!isCounting()) return
      if (end === 'finished') count.finished += 1
      if (end === 'handed_back') count.handedBack += 1
    },
    read: (stillRunning: number) => ({ ...count, lost: stillRunning }),
  }
}
