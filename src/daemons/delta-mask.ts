import type { AgentDelta } from './agent-events.ts'
import type { Mask } from './secrets.ts'

/** Deltas cut a secret anywhere: what may be the beginning of one waits for the next piece. */
export function createDeltaMask(mask: Mask) {
  const waiting = new Map<string, AgentDelta>()
  return {
    push(delta: AgentDelta): AgentDelta | null {
      const key = `${delta.kind} ${delta.parentToolUseId ?? ''}`
      const text = mask((waiting.get(key)?.text ?? '') + delta.text)
      const cut = text.length - mask.held(text)
      if (cut < text.length) waiting.set(key, { ...delta, text: text.slice(cut) })
      else waiting.delete(key)
      return cut === 0 ? null : { ...delta, text: text.slice(0, cut) }
    },
    /** What came was no beginning of a secret: no piece follows at once. */
    flush(): AgentDelta | null {
      const [first] = waiting
      if (first === undefined) return null
      waiting.delete(first[0])
      return first[1]
    },
  }
}
