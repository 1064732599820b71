import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { agentCommand } from '../../src/daemons/command.ts'
import { agentEnvironment } from '../../src/daemons/environment.ts'
import { openWorkspace } from '../../src/daemons/workspace.ts'
import { tempDir } from './support.ts'

test('each container has its own directory', async (t) => {
  const dir = tempDir(t)
  assert.equal(await openWorkspace(dir, 'a.b-C_1'), join(dir, 'a.b-C_1'))
  assert.equal(await openWorkspace(dir, '...'), join(dir, '...'))
})

test('no id leads out of the workspaces', async (t) => {
  const dir = tempDir(t)
  for (const id of ['.', '..', '', '../x', 'a/b', 'a\\b', '/etc', 'a\0b', 'x'.repeat(65), 'ä', 'a\n']) {
    await assert.rejects(openWorkspace(dir, id), /is no container id/, JSON.stringify(id))
  }
})

test('a workspace that is a link is refused, and so is one to another container', async (t) => {
  const dir = tempDir(t)
  const outside = tempDir(t)
  mkdirSync(join(dir, 'victim'))
  symlinkSync(outside, join(dir, 'c1'))
  symlinkSync(join(dir, 'victim'), join(dir, 'c2'))
  symlinkSync(join(outside, 'missing'), join(dir, 'c3'))
  for (const id of ['c1', 'c2', 'c3']) await assert.rejects(openWorkspace(dir, id))
})

test('workspaces may themselves lie behind a link', async (t) => {
  const dir = tempDir(t)
  mkdirSync(join(dir, 'real'))
  symlinkSync(join(dir, 'real'), join(dir, 'link'))
  assert.equal(await openWorkspace(join(dir, 'link'), 'c1'), join(dir, 'real', 'c1'))
})

test('the environment of an agent is an allow-list with quiet defaults', () => {
  const env = {
    PATH: '/bin',
    LC_ALL: 'C',
    SECRET: 's',
    REDIS_URL: 'r',
    CLAUDE_X: '1',
    https_proxy: 'p',
    EXTRA: 'e',
  }
  assert.deepEqual(
    agentEnvironment({ ...env, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '0' }, 'EXTRA,', 'id'),
    {
      PATH: '/bin',
      LC_ALL: 'C',
      CLAUDE_X: '1',
      https_proxy: 'p',
      EXTRA: 'e',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '0',
      DISABLE_TELEMETRY: '1',
      DISABLE_AUTOUPDATER: '1',
      DISABLE_ERROR_REPORTING: '1',
      BATON_DAEMON_ID: 'id',
    },
  )
})

test('the agent command takes quoted arguments before those of the protocol', () => {
  const { command, args } = agentCommand({ AGENT_COMMAND: 'claude', AGENT_ARGS: '--model "a b"' })
  assert.equal(command, 'claude')
  assert.deepEqual(args.slice(0, 4), ['--model', 'a b', '-p', '--input-format'])
  assert.equal(agentCommand({ AGENT_COMMAND: 'demo', AGENT_ARGS: '' }).command, process.execPath)
})
