/** Writes the tables between the markers of README.md and deploy/measurements.md from what `scripts/test-cluster.sh` has measured. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const dir = process.env.MEASUREMENTS ?? join(root, '.tools/measurements')
const targets = ['README.md', 'deploy/measurements.md'].map((path) => join(root, path))

type Row = Record<string, number | string | object>

const read = (name: string): Row | undefined =>
  existsSync(join(dir, `${name}.json`))
    ? (JSON.parse(readFileSync(join(dir, `${name}.json`), 'utf8')) as Row)
    : undefined

const seconds = (ms: unknown) => `${(Number(ms) / 1000).toFixed(2)} s`
const number = (value: unknown) => Number(value).toLocaleString('en-US')

function rollouts(): string {
  const kinds: [string, string][] = [
    ['rollout', 'with the drain window'],
    ['rollout-without-drain', 'without'],
    ['rollout-without-anything', 'without, workers 1 s'],
  ]
  const measured = kinds.flatMap(([name, title]) => {
    const row = read(name)
    return row === undefined ? [] : [{ title, row }]
  })
  const columns = measured.map(({ row }) => row)
  const lines: [string, (row: Row) => string][] = [
    ['rollouts', (row) => number(row.rollouts)],
    [
      'pods that ended, with exit code 0',
      (row) => `${number(row.pods)}, ${(row.exitCodes as Record<string, number>)['0'] ?? 0}`,
    ],
    ['HTTP requests, no retries', (row) => number(row.requests)],
    ['failed requests', (row) => number(row.failures)],
    ['slowest answer', (row) => seconds(row.slowestMs)],
    ['instructions, 0.1 to 45 s', (row) => number(row.instructions)],
    ['handed back while they ran', (row) => number(row.handedBack)],
    ['lost', (row) => number(row.lost)],
    ['run twice at once', (row) => number(row.doubled)],
    ['longest hand-off', (row) => seconds(row.longestHandOffMs)],
    ['WebSocket clients, reconnects', (row) => `${number(row.sockets)}, ${number(row.reconnects)}`],
    ['gaps, repeats in their events', (row) => `${number(row.gaps)}, ${number(row.repeats)}`],
    ['slowest end of a pod', (row) => `${Number(row.slowestEndSeconds).toFixed(0)} s`],
    ['late requests', (row) => number(row.lateRequests)],
  ]
  const head = ['', ...measured.map(({ title }) => title)]
  return table(
    head,
    lines.map(([name, value]) => [name, ...columns.map(value)]),
  )
}

function installs(): string {
  const rows = readdirSync(dir)
    .filter((name) => name.startsWith('install-'))
    .map((name) => read(name.replace(/\.json$/, '')))
    .filter((row) => row !== undefined)
  return table(
    ['Helm', 'install to the first finished instruction'],
    rows.map(({ version, seconds: taken }) => [version as string, `${Number(taken).toFixed(1)} s`]),
  )
}

function failures(): string {
  const what: Record<string, string> = {
    kill: 'the process is killed (SIGKILL)',
    'force-delete': '`kubectl delete pod --force` of an owner',
    oom: 'the pod runs out of memory',
    node: 'the node is gone, with its kubelet and containers',
  }
  const rows = Object.entries(what).flatMap(([name, title]) => {
    const row = read(name)
    return row === undefined ? [] : [[title, number(row.containers), seconds(row.ms), number(row.cutOff)]]
  })
  return table(['', 'containers', 'until the last one runs again', 'turns cut off and resumed'], rows)
}

function needs(): string {
  const row = read('needs')
  if (row === undefined) return ''
  const { idle, busy, containers, startToReadySeconds } = row as {
    idle: { milliCpu: number; mebibytes: number }
    busy: { milliCpu: number; mebibytes: number }
    containers: number
    startToReadySeconds: number
  }
  return table(
    ['', 'memory', 'CPU'],
    [
      ['idle', `${idle.mebibytes} MiB`, `${idle.milliCpu.toFixed(0)} m`],
      [
        `${containers} busy containers, agents included`,
        `${busy.mebibytes} MiB`,
        `${busy.milliCpu.toFixed(0)} m`,
      ],
      ['start to ready', `${startToReadySeconds} s`, ''],
    ],
  )
}

const table = (head: string[], rows: string[][]) =>
  rows.length === 0
    ? ''
    : [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

const tables: Record<string, () => string> = { rollouts, installs, failures, needs }
for (const target of targets) {
  const before = readFileSync(target, 'utf8')
  const after = before.replace(
    /(<!-- (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (whole, start: string, name: string, end: string) => {
      const text = tables[name]?.() ?? ''
      return text === '' ? whole : `${start}\n${text}\n\n${end}`
    },
  )
  writeFileSync(target, after)
}
