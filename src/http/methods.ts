import type { RouteOptions } from 'fastify'

const toPattern = (url: string) =>
  new RegExp(
    `^${url
      .split('/')
      .map((part) => (part.startsWith(':') ? '[^/]+' : part === '*' ? '.*' : RegExp.escape(part)))
      .join('/')}$`,
  )

/** Learns every route as it is added, and then knows which methods a path has: none when there is no such route. */
export function createMethods() {
  const routes = new Map<string, { pattern: RegExp; methods: Set<string> }>()
  return {
    add({ method, url }: Pick<RouteOptions, 'method' | 'url'>) {
      const route = routes.get(url) ?? { pattern: toPattern(url), methods: new Set() }
      for (const one of [method].flat()) route.methods.add(one)
      routes.set(url, route)
    },
    of(url: string): string[] {
      const path = url.split('?', 1)[0] ?? ''
      const fitting = [...routes.values()].filter(({ pattern }) => pattern.test(path))
      return [...new Set(fitting.flatMap(({ methods }) => [...methods]))].toSorted()
    },
  }
}
