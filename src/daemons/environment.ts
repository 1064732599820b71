/** Every process of a daemon's tree carries this variable: so they are found, whatever session or parent they have. */
export const markerName = 'BATON_DAEMON_ID'

const names = new Set(
  ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'USER', 'SHELL', 'TERM', 'NODE_EXTRA_CA_CERTS'].concat(
    ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap((name) => [name, name.toLowerCase()]),
  ),
)
const prefixes = ['LC_', 'ANTHROPIC_', 'CLAUDE_']

/** Nothing that the agent sends on its own, and no update under our feet; the operator's own values win. */
const quiet = {
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  DISABLE_TELEMETRY: '1',
  DISABLE_AUTOUPDATER: '1',
  DISABLE_ERROR_REPORTING: '1',
}

/** What the agent may see of our environment. Its tools read all of it, so this is an allow-list. */
export function agentEnvironment(
  env: NodeJS.ProcessEnv,
  alsoAllowed: string,
  daemonId: string,
): NodeJS.ProcessEnv {
  const extra = new Set(alsoAllowed.split(',').map((name) => name.trim()))
  const isAllowed = (name: string) =>
    names.has(name) || extra.has(name) || prefixes.some((prefix) => name.startsWith(prefix))
  const visible = Object.entries(env).filter(([name]) => isAllowed(name))
  return { ...quiet, ...Object.fromEntries(visible), [markerName]: daemonId }
}
