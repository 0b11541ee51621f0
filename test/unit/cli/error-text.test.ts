import { describe, expect, test } from 'vitest'
import { BadRecordError, PlanError, RestoreError, UserFunctionError } from '../../../src/base/errors.ts'
import { errorText, exitCodeOf } from '../../../src/cli/error-text.ts'

const same = (text: string): string => text
const style = { bold: same, dim: same, red: same, yellow: same }
const options = { isVerbose: false, folder: '/home/ada/project', engineFolders: ['/opt/millrace/dist/', '/opt/millrace/src/'], style }

function withStack<E extends Error>(error: E, ...frames: readonly string[]): E {
  error.stack = [`${error.name}: ${error.message}`, ...frames.map((frame) => `    at ${frame}`)].join('\n')
  return error
}

const userError = withStack(
  new TypeError('row.name is undefined'),
  'nameLength (file:///home/ada/project/job.ts:9:20)',
  'file:///home/ada/lib/other.ts:1:2',
  'Array.map (<anonymous>)',
  'RowOperator.processBatch (file:///opt/millrace/dist/chunks/chunk-A.js:1:1)',
  'Object.run (/opt/millrace/src/runtime/worker.ts:69:25)',
  'process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
)

describe('errorText()', () => {
  test("tells code, message, hint and cause, and of the stacks only the user's own lines", () => {
    const error = withStack(
      new UserFunctionError('USER_FUNCTION_FAILED', 'Function of "Length" threw', { cause: userError, hint: 'Look there.' }),
      'x (file:///opt/millrace/dist/worker.js:1:1)',
    )
    expect(errorText(error, options)).toBe(
      [
        'error [USER_FUNCTION_FAILED]: Function of "Length" threw',
        '  hint: Look there.',
        'caused by TypeError: row.name is undefined',
        '    at nameLength (job.ts:9:20)',
        '    at /home/ada/lib/other.ts:1:2',
        '',
      ].join('\n'),
    )
  })

  test('tells every line of the stacks when asked for', () => {
    expect(errorText(userError, { ...options, isVerbose: true })).toContain('at RowOperator.processBatch (file:///opt/millrace/dist/chunks/chunk-A.js:1:1)')
  })

  test('tells thrown values that are no errors', () => {
    expect(errorText('just text', options)).toBe('error: just text\n')
    expect(errorText(new UserFunctionError('X', 'threw', { cause: 42 }), options)).toContain('caused by: 42\n')
  })

  test('shows the file that the user knows instead of the bundle made of it', () => {
    const error = new PlanError('NOT_A_JOB', 'Cannot run file:///tmp/x/job-A.mjs: no')
    expect(errorText(error, { ...options, names: new Map([['file:///tmp/x/job-A.mjs', 'job.ts']]) })).toContain('Cannot run job.ts: no')
  })

  test('ends a chain of causes that leads back to itself', () => {
    const error = new Error('round')
    error.cause = error
    expect(errorText(error, options).split('\n').length).toBeLessThan(120)
  })
})

test.each([
  ['a plan error, always', new PlanError('A', 'a'), true, 2],
  ['a refused restore, always', new RestoreError('A', 'a'), false, 3],
  ['a bad record', new BadRecordError('A', 'a'), true, 1],
  ['an error of user code before anything ran', new TypeError('a'), false, 2],
  ['an error of user code while the job ran', new TypeError('a'), true, 1],
])('exitCodeOf() of %s', (_, error, hasRun, code) => expect(exitCodeOf(error, hasRun)).toBe(code))
