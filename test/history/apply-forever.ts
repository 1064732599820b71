import { openHistory } from '../../src/history/open.ts'
import { createWriter } from './support.ts'

// A process of its own for the tests: applies batches until it is killed, or holds the file while it waits.
const [path = '', mode] = process.argv.slice(2)
const history = openHistory(path)
process.stdout.write('open\n')
const writer = createWriter()
const timer = setInterval(() => {
  if (mode !== 'apply') return
  const entries = Array.from({ length: 100 }, (_, n) =>
    writer.entry(n % 2 === 0 ? 'c-1' : 'c-2', ['agent.message', { text: 'x'.repeat(500) }]),
  )
  history.apply(entries)
  process.stdout.write(`${history.cursor}\n`)
}, 1)
process.once('SIGTERM', () => {
  clearInterval(timer)
  history.close()
})
