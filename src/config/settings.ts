import { type Static, Type } from 'typebox'

const seconds = (value: number, minimum: number, maximum: number, description: string) =>
  Type.Number({ default: value, minimum, maximum, description })
const count = (value: number, minimum: number, maximum: number, description: string) =>
  Type.Integer({ default: value, minimum, maximum, description })
const text = (
  value: string,
  description: string,
  options: { pattern?: string; examples?: string[]; writeOnly?: true } = {},
) => Type.String({ default: value, description, ...options })
/** `$comment` says in the documentation where the value comes from when it is not set. */
const derived = (
  from: string,
  description: string,
  options: { pattern?: string; examples?: string[] } = {},
) => Type.String({ description, $comment: from, minLength: 1, ...options })
const oneOf = <const T extends string>(values: readonly T[], value: T, description: string) =>
  Type.Unsafe<T>(Type.String({ enum: [...values], default: value, description }))

export const defaultDataDir = './data'
const hour = 3600
const day = 24 * hour

/** Every setting of the service, said once: type, default, bounds, and the sentence that documents it. */
export const settings = Type.Object({
  HOST: text(
    '127.0.0.1',
    'Address to listen on; one that is not loopback needs authentication or `ALLOW_ANONYMOUS=true`.',
  ),
  PORT: count(3000, 0, 65_535, 'Port to listen on; 0 takes a free one.'),
  METRICS_PORT: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65_535,
      $comment: 'not set',
      description: 'Port of its own for `/metrics` and the probes; `/metrics` is then no longer on `PORT`.',
    }),
  ),
  KEEP_ALIVE_SECONDS: seconds(
    72,
    1,
    hour,
    'How long an idle connection stays open: longer than the load balancer keeps it.',
  ),
  API_TOKENS: text(
    '',
    'Bearer tokens with white space between them: `token` or `token:write` may do everything, `token:read` may ' +
      'read, `token:write:c-1,c-2` these containers only. At least 16 characters each.',
    { writeOnly: true },
  ),
  JWT_ISSUER: text('', 'OpenID issuer whose JWTs are taken as bearer tokens; needs `JWT_AUDIENCE`.'),
  JWT_AUDIENCE: text('', 'The audience that these JWTs must have.'),
  JWT_JWKS_URL: text('', 'Where the keys of the issuer are; empty: as its discovery document says.'),
  ALLOW_ANONYMOUS: Type.Boolean({
    default: false,
    description: 'Serve callers from other machines without any authentication.',
  }),
  ALLOWED_ORIGINS: text(
    '',
    'Comma list of origins of web pages that may come in besides our own, such as `https://baton.example.org`.',
  ),
  REDIS_URL: text('redis://127.0.0.1:6379', 'The Redis that holds queues and journal.', {
    pattern: '^rediss?://[^\\s]+$',
    examples: ['redis://[user:password@]host:6379'],
    writeOnly: true,
  }),
  DATA_DIR: text(defaultDataDir, 'Directory of the SQLite file `baton.sqlite`.'),
  WORKSPACES_DIR: derived('`<DATA_DIR>/workspaces`', 'Parent of the working directories, one per container.'),
  POD_NAME: derived('the host name', 'Name of this process in events, ownership and reports.', {
    pattern: '^[A-Za-z0-9._-]{1,253}$',
    examples: ['baton-0'],
  }),
  PID_FILE: text('', 'File that holds the process id while the service runs; empty: none.'),
  AGENT_COMMAND: text(
    'demo',
    'The agent executable; `demo` is the built-in demo agent, `claude` is Claude Code.',
  ),
  AGENT_ARGS: text('', 'More arguments for the agent, as shell-like words (`--model sonnet`).'),
  AGENT_ENV_ALLOW: text('', 'Comma list of further environment variables that the agent may see.', {
    pattern: '^\\s*([A-Za-z_][A-Za-z0-9_]*\\s*(,\\s*|$))*$',
    examples: ['GH_TOKEN,NPM_TOKEN'],
  }),
  DRAIN_SECONDS: Type.Number({
    minimum: 0,
    maximum: hour,
    $comment: '5 in Kubernetes, else 0',
    description: 'How long to go on serving after the signal, while load balancers notice.',
  }),
  WORKERS_BUDGET_SECONDS: seconds(
    30,
    1,
    day,
    'How long a shutdown waits for running instructions before it hands them back to their queues.',
  ),
  TERMINATION_GRACE_PERIOD_SECONDS: Type.Optional(
    Type.Number({
      minimum: 0,
      $comment: 'not set',
      description: 'What Kubernetes gives the pod to end; the service warns when its own budgets are longer.',
    }),
  ),
  TERMINATION_LOG: text('/dev/termination-log', 'File that gets the shutdown report, if it exists.'),
  HEALTH_INTERVAL_SECONDS: seconds(30, 0.05, hour, 'Time between two health checks of a daemon.'),
  HEALTH_PING_TIMEOUT_SECONDS: seconds(5, 0.05, hour, 'How long a daemon may take to answer a check.'),
  TURN_STALL_SECONDS: seconds(300, 0.05, day, 'Silence of a running turn that counts as stalled.'),
  TOOL_STALL_SECONDS: seconds(hour, 0.05, day, 'The same while a tool call is open.'),
  MAX_RECOVERY_ATTEMPTS: count(3, 1, 100, 'Recoveries in a row before a container is put in quarantine.'),
  RECOVERY_DELAY_SECONDS: seconds(5, 0, hour, 'Pause between two recoveries.'),
  DAEMON_IDLE_MINUTES: seconds(
    30,
    0.001,
    10_080,
    'A daemon without work is stopped after this time; its session is kept.',
  ),
  WORKER_IDLE_SECONDS: seconds(30, 0.05, day, 'A worker without work is closed after this time.'),
  HISTORY_RETENTION: text('7d', 'How long events are kept: a number and `s`, `m`, `h` or `d`.', {
    pattern: '^[1-9][0-9]{0,5}[smhd]$',
    examples: ['7d', '12h', '30m'],
  }),
  MAX_CONTAINERS_PER_POD: count(1000, 1, 100_000, 'Containers that one process owns at a time.'),
  QUEUE_LIMIT: count(100, 1, 100_000, 'Unfinished instructions per container; one more is answered 429.'),
  MAX_INSTRUCTION_BYTES: count(102_400, 1, 10_485_760, 'Longest instruction text.'),
  MAX_BODY_BYTES: count(1_048_576, 1024, 104_857_600, 'Longest request body.'),
  RATE_LIMIT_PER_MINUTE: count(
    6000,
    0,
    10_000_000,
    'Requests per minute and caller (a token, else an address), over all pods; one more is answered 429. 0: no limit.',
  ),
  MAX_CONTAINERS: count(100_000, 1, 10_000_000, 'Containers in all; one more is answered 429.'),
  MAX_SOCKETS: count(
    10_000,
    1,
    1_000_000,
    'WebSockets and event streams of this process; one more is answered 503.',
  ),
  MAX_SOCKETS_PER_CONTAINER: count(
    5000,
    1,
    1_000_000,
    'Clients of this process that follow one container; one more is answered 429.',
  ),
  MAX_HEADER_BYTES: count(16_384, 4096, 1_048_576, 'Longest request line and headers together; beyond: 431.'),
  HEADERS_TIMEOUT_SECONDS: seconds(
    10,
    1,
    hour,
    'How long the headers of a request may take to arrive; beyond: 408.',
  ),
  REQUEST_TIMEOUT_SECONDS: seconds(60, 1, hour, 'How long a whole request may take to arrive; beyond: 408.'),
  MAX_EVENT_LOOP_DELAY_MS: count(
    1000,
    0,
    600_000,
    'Mean delay over 5 s from which this process answers 503 instead of late; 0: never.',
  ),
  PING_SECONDS: seconds(30, 0.05, hour, 'Time between two pings of a WebSocket; two unanswered ones end it.'),
  READY_MAX_LAG_SECONDS: seconds(
    5,
    0.05,
    hour,
    'How far SQLite may be behind the journal while the service is ready.',
  ),
  LOG_FORMAT: oneOf(
    ['auto', 'json', 'pretty'],
    'auto',
    '`auto` is `pretty` on a terminal and `json` elsewhere.',
  ),
  LOG_LEVEL: oneOf(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'info',
    'Lowest level that is logged.',
  ),
})

/** The settings after loading; keys are the names of the environment variables. */
export type Config = Static<typeof settings>
export type SettingName = keyof Config
