/** A service reduced to its daemons, for tests that kill it: node service.ts <workspaces> <turn id> <text> */
import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { createDaemons } from '../../src/daemons/daemons.ts'

const [workspacesDir = '', id = '', text = ''] = process.argv.slice(2)
const daemons = createDaemons({
  config: {
    AGENT_COMMAND: 'demo',
    AGENT_ARGS: '',
    AGENT_ENV_ALLOW: '',
    WORKSPACES_DIR: workspacesDir,
    DAEMON_IDLE_MINUTES: 30,
    POD_NAME: 'pod-0',
  },
  log: pino({ level: 'silent' }),
  emit: () => {},
  env: process.env,
})
const session = randomUUID()
const { pid } = await daemons.ensure('c1', { id: session, isStarted: false })
process.stdout.write(JSON.stringify({ session, pid }))
await daemons.run('c1', { id, text, mode: 'fresh' }, new AbortController().signal)
