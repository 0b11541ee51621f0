// Ends a test run with plain lines for whoever reads the log by program: `failed: FILE > NAME` for each failed test, then `N passed, N failed`.
// .ci/run sums the last and repeats the others. Counted as failed beside failed tests: files that could not be loaded, and errors that no test
// caught.
import { writeSync } from 'node:fs'
import type { SerializedError } from 'vitest'
import type { Reporter, TestModule } from 'vitest/node'

export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    let passed = 0
    const failures = errors.map(({ message }) => `an error that no test caught: ${message.split('\n', 1)[0]}`)
    for (const module of modules) {
      const before = passed + failures.length
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') passed++
        else if (state === 'failed' || state === 'pending') failures.push(`${module.relativeModuleId} > ${test.fullName}`)
      }
      if (!module.ok() && passed + failures.length === before) failures.push(`${module.relativeModuleId} could not be loaded`)
    }
    if (modules.length === 0) failures.push('no test file was found')
    const lines = [...failures.map((failure) => `failed: ${failure}\n`), `${passed} passed, ${failures.length} failed\n`]
    // After everything the other reporters print, whichever way the process ends.
    process.once('exit', () => writeSync(1, lines.join('')))
  }
}
