// Type-checks test/types/*.test-d.ts against the declarations that users get (dist/types, by the package's own name), and keeps the time it
// takes in sight: slow types make a slow editor.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const SECONDS_MAX = 5
const root = fileURLToPath(new URL('../..', import.meta.url))
const run = (...args: readonly string[]) => spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })

test('the declarations build, and every type test holds within the time that an editor has', { timeout: 120_000 }, () => {
  const build = run('.scripts/build.mjs')
  expect(build.stderr).toBe('')

  const startMs = performance.now()
  const check = run('node_modules/typescript/bin/tsc', '-p', 'test/types/tsconfig.json')
  const seconds = (performance.now() - startMs) / 1000
  console.log(`type tests checked in ${seconds.toFixed(2)} s`)

  expect(check.stdout).toBe('')
  expect(check.status).toBe(0)
  expect(seconds).toBeLessThan(SECONDS_MAX)
})
