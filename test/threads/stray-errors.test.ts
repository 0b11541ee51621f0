// What user code does wrong outside of its calls fails the job, whether the job goes on or is about to finish.
import { readFileSync } from 'node:fs'
import { UserFunctionError } from 'millrace'
import { describe, expect, test } from 'vitest'
import { failureOf, jobUrl, withEngine } from './jobs.ts'

const engine = withEngine()
const line =
  readFileSync(jobUrl('stray'), 'utf8')
    .split('\n')
    .findIndex((text) => text.includes('went astray')) + 1

describe.each([
  ['a job that is about to finish', false],
  ['a job that goes on', true],
])('%s', (_, endless) => {
  test.each([
    ['rejection', /^A promise of user code was rejected and nobody handled it in worker \d: RangeError: went astray$/],
    ['immediate timer', /^A callback of user code failed in worker \d: RangeError: went astray$/],
    ['later timer', /^A callback of user code failed in worker \d: RangeError: went astray$/],
  ])("fails by a %s with the user's own line", async (how, message) => {
    const handle = engine().submit(jobUrl('stray'), { params: { how, endless }, parallelism: 2 })
    const error = await failureOf(handle.result)
    expect(error).toBeInstanceOf(UserFunctionError)
    expect(error.code).toBe('USER_FUNCTION_FAILED')
    expect(error.message).toMatch(message)
    expect((error.cause as Error).stack).toContain(`stray.mjs:${line}:`)
    await handle[Symbol.asyncDispose]()
  })

  test.each([
    ['exit', /^Function of operator "Astray" \(subtask 0\) threw Error: process\.exit\(7\) would end the thread of the job$/],
    ['exit of a timer', /^A callback of user code failed in worker 0: Error: process\.exit\(7\) would end the thread of the job$/],
  ])('fails by an %s', async (how, message) => {
    const error = await failureOf(engine().submit(jobUrl('stray'), { params: { how, endless }, parallelism: 1 }).result)
    expect(error.code).toBe('USER_FUNCTION_FAILED')
    expect(error.message).toMatch(message)
    expect((error.cause as Error).stack!.split('\n')[1]).toContain('stray.mjs:')
  })
})

test('a rejection behind the call of an asynchronous function names its operator', async () => {
  const error = await failureOf(engine().submit(jobUrl('stray'), { params: { how: 'asynchronous function' }, parallelism: 1 }).result)
  expect(error.message).toBe('A promise of user code was rejected and nobody handled it in operator "Ask" (subtask 0): RangeError: went astray')
})

test('a rejection with something else than an error tells it', async () => {
  const error = await failureOf(engine().submit(jobUrl('stray'), { params: { how: 'rejection of no error' }, parallelism: 1 }).result)
  expect(error.message).toMatch(/: just words$/)
})

test('process.exit while the job is planned is an error of its program', async () => {
  const error = await failureOf(engine().submit(jobUrl('stray'), { params: { how: 'exit of the program' } }).result)
  expect(error.message).toBe('process.exit(7) would end the thread of the job')
  expect(error.stack).toContain('stray.mjs:')
})

test('a rejection that is handled, and a timer that never ends, fail nothing', async () => {
  for (const how of ['caught', 'interval']) {
    const { state } = await engine().submit(jobUrl('stray'), { params: { how }, parallelism: 1 }).result
    expect(state).toBe('finished')
  }
})
