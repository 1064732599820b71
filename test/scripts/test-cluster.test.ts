import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const script = fileURLToPath(new URL('../../scripts/test-cluster.sh', import.meta.url))
const run = promisify(execFile)

test('without a cluster the cluster tests are skipped, and say so', async () => {
  const { stdout } = await run(script, { env: { PATH: process.env.PATH } })
  assert.match(stdout, /^Skipped: KUBECONFIG is not set/)
})

test('without kubectl they are skipped too', async () => {
  const { stdout } = await run(script, {
    env: { PATH: '/nowhere:/bin', KUBECONFIG: '/nowhere', HELM: 'no-helm' },
  })
  assert.match(stdout, /^Skipped: (kubectl|no-helm) is not on the PATH/)
})
