import type { Config } from '../config.ts'
import { serviceError } from '../errors.ts'

/** Who listens: WebSockets and event streams together, in all and per container. */
export function createAudience(config: Pick<Config, 'MAX_SOCKETS' | 'MAX_SOCKETS_PER_CONTAINER'>) {
  const { MAX_SOCKETS: maxSockets, MAX_SOCKETS_PER_CONTAINER: maxPerContainer } = config
  const followers = new Map<string, number>()
  let size = 0

  function unfollow(containerId: string) {
    const left = (followers.get(containerId) ?? 0) - 1
    if (left > 0) followers.set(containerId, left)
    else followers.delete(containerId)
  }

  return {
    /** Asked before the answer begins: a WebSocket can be refused as a problem only until it is open. */
    assertRoom() {
      if (size >= maxSockets)
        throw serviceError('too_many_sockets', `This pod holds ${maxSockets} sockets and event streams`)
    },
    /** One more listener; the answer takes it away again. */
    join(): () => void {
      size += 1
      return once(() => {
        size -= 1
      })
    },
    /** One more follower of a container; the answer takes it away again. */
    follow(containerId: string): () => void {
      const count = followers.get(containerId) ?? 0
      if (count >= maxPerContainer)
        throw serviceError('too_many_followers', `${maxPerContainer} clients follow this container here`)
      followers.set(containerId, count + 1)
      return once(() => unfollow(containerId))
    },
    size: () => size,
    followers: (containerId: string) => followers.get(containerId) ?? 0,
  }
}

function once(act: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    act()
  }
}

export type Audience = ReturnType<typeof createAudience>
