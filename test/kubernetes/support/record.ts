import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Keeps what a test has measured, where `scripts/generate-measurements.ts` finds it. */
export async function record(name: string, values: object) {
  const dir = process.env.MEASUREMENTS
  if (dir === undefined) return
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, `${name}.json`), `${JSON.stringify(values, null, 2)}\n`)
}
