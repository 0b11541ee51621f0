// npm run check: format, lint (with types), types, and the report of the public API. Runs all of them, then ends with one line of counts.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const CHECKS = {
  format: ['node_modules/oxfmt/bin/oxfmt', '--check'],
  // First the declarations: some files are checked against the built package.
  build: ['.scripts/build.mjs'],
  lint: ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings'],
  types: ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'],
  api: ['.scripts/api-report.mjs'],
}

let failed = 0
for (const [name, [tool, ...args]] of Object.entries(CHECKS)) {
  const startMs = performance.now()
  const { status } = spawnSync(process.execPath, [join(root, tool), ...args], { cwd: root, stdio: 'inherit' })
  process.stdout.write(`${name}: ${status === 0 ? 'ok' : 'failed'} (${((performance.now() - startMs) / 1000).toFixed(1)} s)\n`)
  if (status !== 0) failed++
}
process.stdout.write(`${Object.keys(CHECKS).length - failed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
