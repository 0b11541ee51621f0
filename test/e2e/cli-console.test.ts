// What user code prints: whole, in order, named after its operator, never on standard output.
import { expect, test } from 'vitest'
import { Command, job, run } from '../fixtures/command.ts'

test('console.log of a function goes to standard error with operator and subtask, every line of it', async () => {
  const { status, stdout, stderr } = await run('run', job('talking.js'), '--quiet', '--parallelism', '1')
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '[Talk #0] saw a\n[Talk #0] saw b\n[Talk #0] saw c\n' })
})

test('lines that come after each other on a busy thread are all there', async () => {
  const { status, stdout, stderr } = await run('run', job('talking-much.js'), '--quiet', '--parallelism', '1')
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
  expect(stderr.split('\n').slice(0, -1)).toEqual(Array.from({ length: 5000 }, (_, index) => `[Talk #0] line ${index}`))
})

test('lines of a job that fails come before its error', async () => {
  const { stderr } = await run('run', job('talking-failing.js'), '--quiet', '--parallelism', '1')
  expect(stderr).toMatch(/^\[Talk #0\] last words\nerror \[USER_FUNCTION_FAILED\]/)
})

test('what the program prints while it is planned is there once, whatever the number of threads', async () => {
  const { stderr } = await run('run', job('talking-program.js'), '--quiet', '--parallelism', '3')
  expect(stderr).toBe('planning\n')
})

const LINES = ['two', 'lines', '┌─────────┬───┐', '│ (index) │ a │', '├─────────┼───┤', '│ 0       │ 1 │', '└─────────┴───┘']
const LINES_BEHIND = ['{ outer: [Object] }', 'warn 1', 'error text', 'info', '{ value: 1 }', 'group', '  inside']

test.each([
  ['on a worker', [], []],
  ['under an inspector', ['--inspect'], ['--inspect=0']],
])('every way to print, with every line behind the name of its operator, %s', async (_, flags, nodeArgs) => {
  const { status, stdout, stderr } = await new Command(['run', ...flags, job('talking-lines.js'), '--quiet', '--parallelism', '1'], { nodeArgs }).ended
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
  const lines = stderr.split('\n').filter((line) => line !== '' && !/^(?:Debugger|For help)/.test(line))
  expect(lines).toEqual([...LINES, ...LINES_BEHIND].map((line) => `[Talk #0] ${line}`))
})

test('an asynchronous function is named in front of what it prints before and after it has waited; timers and the module have no name', async () => {
  const { status, stdout, stderr } = await run('run', job('talking-async.js'), '--quiet', '--parallelism', '1')
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
  const lines = stderr.trimEnd().split('\n')
  expect(lines.slice(0, 2)).toEqual(['module', '[Ask #0] before'])
  // Two timers: either may be first on a busy machine.
  expect(new Set(lines.slice(2))).toEqual(new Set(['[Ask #0] after', 'timer']))
})
