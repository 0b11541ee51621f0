// Ends a test run with one plain line, `N passed, N failed`, for whoever reads the log by program: .ci/run sums these lines.
// Counted as failed beside failed tests: files that could not be loaded, and errors that no test caught.
import { writeSync } from 'node:fs'
import type { SerializedError } from 'vitest'
import type { Reporter, TestModule } from 'vitest/node'

export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    let passed = 0
    let failed = errors.length
    for (const module of modules) {
      const before = passed + failed
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') passed++
        else if (state === 'failed' || state === 'pending') failed++
      }
      if (!module.ok() && passed + failed === before) failed++
    }
    if (modules.length === 0) failed++
    // After everything the other reporters print, whichever way the process ends.
    process.once('exit', () => writeSync(1, `${passed} passed, ${failed} failed\n`))
  }
}
