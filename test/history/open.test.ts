import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { mkdir, open, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { openHistory } from '../../src/history/open.ts'
import { createWriter, historyPath, queued, seqsOf, startHistory, startMs, started } from './support.ts'

/** Another process on the same file; gives the lines it has printed. */
function startOther(t: TestContext, path: string, mode: 'apply' | 'hold') {
  const script = join(import.meta.dirname, 'apply-forever.ts')
  const child = spawn(process.execPath, [script, path, mode], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  return { child, lines: createInterface({ input: child.stdout }) }
}

async function end(child: ChildProcess, signal: NodeJS.Signals) {
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}

test('makes the folder and the tables, and reopens with rows and cursor', async (t) => {
  const { history, path } = await startHistory(t)
  const entries = createWriter().entries('c-1', queued(), started())
  history.apply(entries)
  history.close()
  history.close()
  assert.ok(!existsSync(`${path}-wal`))

  const reopened = openHistory(path)
  t.after(() => reopened.close())
  assert.deepEqual([reopened.cursor, reopened.epoch], [entries[1]?.id, 'epoch-1'])
  assert.deepEqual(seqsOf(reopened, 'c-1'), [1, 2])
  assert.equal(reopened.unfinished()[0]?.state, 'running')
})

test('kill -9 in the middle of batches leaves whole batches, and the cursor at the last of them', async (t) => {
  const path = await historyPath(t)
  for (const batches of [1, 7, 20]) {
    const { child, lines } = startOther(t, path, 'apply')
    let printed = 0
    for await (const line of lines) if (line !== 'open' && ++printed === batches) break
    await end(child, 'SIGKILL')

    const history = openHistory(path)
    assert.equal(history.wasCorrupt, null)
    const { headSeq } = history.bounds('c-1')
    assert.ok(headSeq >= batches * 50 && headSeq % 50 === 0, `head ${headSeq}`)
    assert.deepEqual(
      seqsOf(history, 'c-1'),
      Array.from({ length: headSeq }, (_, n) => n + 1),
    )
    assert.equal(history.bounds('c-2').headSeq, headSeq)
    assert.equal(history.cursor, `${startMs + headSeq * 2}-0`)
    history.reset('epoch-1')
    history.close()
  }
})

test('a second process is refused with a clear sentence, until the first has closed', async (t) => {
  const path = await historyPath(t)
  const { child, lines } = startOther(t, path, 'hold')
  await once(lines, 'line')
  assert.throws(() => openHistory(path), {
    message: `${path} is in use by another Baton process`,
    code: 'HISTORY_IN_USE',
  })
  await end(child, 'SIGTERM')
  openHistory(path).close()
})

test('a second opener in the same process is refused too', async (t) => {
  const { path } = await startHistory(t)
  assert.throws(() => openHistory(path), { code: 'HISTORY_IN_USE' })
})

test('a folder that cannot be made is an error with its cause', async (t) => {
  const path = await historyPath(t)
  await writeFile(dirname(path), 'a file where the folder should be')
  assert.throws(() => openHistory(path), { code: 'HISTORY_NOT_OPEN' })
})

test('a file that is no database is moved aside', async (t) => {
  const path = await historyPath(t)
  await mkdir(dirname(path))
  await writeFile(path, 'no database at all, '.repeat(100))
  const history = openHistory(path)
  t.after(() => history.close())
  assert.match(history.wasCorrupt ?? '', /baton\.sqlite\.corrupt-2/)
  assert.ok(existsSync(history.wasCorrupt ?? ''))
  assert.equal(history.cursor, '0-0')
  history.apply(createWriter().entries('c-1', queued()))
  assert.equal(history.unfinished().length, 1)
})

test('a file with damaged pages is moved aside', async (t) => {
  const { history, path } = await startHistory(t)
  const writer = createWriter()
  const text = 'x'.repeat(2000)
  history.apply(Array.from({ length: 200 }, () => writer.entry('c-1', ['agent.message', { text }])))
  history.close()
  const file = await open(path, 'r+')
  const half = Math.floor(statSync(path).size / 2)
  await file.write(Buffer.alloc(20_000, 0xff), 0, 20_000, half)
  await file.close()

  const fresh = openHistory(path)
  t.after(() => fresh.close())
  assert.ok(fresh.wasCorrupt !== null)
  assert.deepEqual(fresh.bounds('c-1'), { headSeq: 0, oldestSeq: 1 })
  assert.equal(readdirSync(dirname(path)).filter((name) => name.includes('.corrupt-')).length, 1)
})

test('check passes while the file is open and throws after that', async (t) => {
  const { history } = await startHistory(t)
  history.check()
  history.close()
  assert.throws(() => history.check(), { code: 'history_unavailable' })
})
