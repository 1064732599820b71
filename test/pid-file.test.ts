import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { removePidFile, writePidFile } from '../src/pid-file.ts'

function pathIn(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'baton-pid-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return join(dir, 'baton.pid')
}

test('holds the process id while the service runs', (t) => {
  const path = pathIn(t)
  writePidFile(path, 42)
  assert.equal(readFileSync(path, 'utf8'), '42\n')
  removePidFile(path, 42)
  assert.ok(!existsSync(path))
})

test('one that another process has written meanwhile stays', (t) => {
  const path = pathIn(t)
  writePidFile(path, 42)
  writeFileSync(path, '43\n')
  removePidFile(path, 42)
  assert.equal(readFileSync(path, 'utf8'), '43\n')
})

test('one that is gone, or was never asked for, is no error', (t) => {
  removePidFile(pathIn(t), 42)
  writePidFile('', 42)
  removePidFile('', 42)
})
