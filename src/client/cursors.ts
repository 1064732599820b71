import type { BatonEvent, Cursor, EventItem, Gap } from './types.ts'

/** How far each container was read: what a new socket asks for, and the proof that nothing is missing or doubled. */
export function createCursors(asked: readonly Cursor[]) {
  const cursors = new Map<string, Cursor & { isDeleted?: boolean }>()
  for (const cursor of asked) cursors.set(cursor.containerId, { ...cursor })

  const move = (containerId: string, afterSeq: number, epoch: string | null) =>
    cursors.set(containerId, { containerId, afterSeq, epoch: epoch ?? undefined })

  return {
    all: () =>
      [...cursors.values()].map(({ containerId, afterSeq, epoch }) => ({ containerId, afterSeq, epoch })),
    /** The server's head is where "from now on" begins: a reconnect goes on there. */
    subscribed(containerId: string, headSeq: number, epoch: string | null) {
      const cursor = cursors.get(containerId)
      if (cursor === undefined) return
      cursor.afterSeq ??= headSeq
      cursor.epoch ??= epoch ?? undefined
    },
    gap(gap: Gap): EventItem[] {
      if (!cursors.has(gap.containerId)) return []
      move(gap.containerId, gap.oldestSeq - 1, gap.epoch)
      return [gap]
    },
    /** What its user gets to see of an event: nothing when it is known, a gap before it when others are missing. */
    event(event: BatonEvent): EventItem[] {
      const containerId = event.containerId ?? ''
      const cursor = cursors.get(containerId)
      if (cursor === undefined) return []
      const { afterSeq = 0, epoch } = cursor
      const isOfThisEpoch = epoch === undefined || event.epoch === epoch
      if (isOfThisEpoch && event.seq <= afterSeq) return []
      const next = isOfThisEpoch ? afterSeq + 1 : 1
      move(containerId, event.seq, event.epoch)
      if (event.type === 'container.deleted')
        Object.assign(cursors.get(containerId) ?? {}, { isDeleted: true })
      if (isOfThisEpoch && event.seq === next) return [event]
      const lost = { from: next, to: event.seq - 1, oldestSeq: event.seq, epoch: event.epoch }
      return [{ type: 'replay.gap', containerId, ...lost }, event]
    },
    /** A container that is gone because it was deleted is no error; `false` when it never existed. */
    drop(containerId: string): boolean {
      const isDeleted = cursors.get(containerId)?.isDeleted === true
      if (isDeleted) cursors.delete(containerId)
      return isDeleted
    },
  }
}

export type Cursors = ReturnType<typeof createCursors>
