import { race, timedOut } from '../deadline.ts'
import type { Agent } from './agent.ts'

/** Parts of the time a stop may take: after each, the next and harder means. What is left is for the kill. */
const ladder = [
  { part: 0.3, act: (agent: Agent) => void agent.channel.stdin.end() },
  { part: 0.2, act: (agent: Agent) => agent.channel.signal('SIGINT') },
  { part: 0.2, act: (agent: Agent) => agent.channel.signal('SIGTERM') },
]

/** SIGINT comes before SIGTERM: Claude Code still writes its result and transcript then. Nothing of the tree is left. */
export async function stopAgent(agent: Agent, ms: number): Promise<void> {
  for (const { part, act } of ladder) {
    act(agent)
    if ((await race(agent.channel.exited, part * ms)) !== timedOut) break
  }
  await agent.channel.killTree()
}
