import { expect, test } from 'vitest'
import { alignedTimeoutMsOf, checkpointingModeOf } from '../../../src/runtime/checkpoint-options.ts'

const UNALIGNED = 'execution.checkpointing.unaligned.enabled'
const TIMEOUT = 'execution.checkpointing.aligned-checkpoint-timeout'
const MODE = 'execution.checkpointing.mode'

test('barriers overtake where they are allowed to, at once unless it is said when', () => {
  expect(alignedTimeoutMsOf(new Map())).toBeUndefined()
  expect(alignedTimeoutMsOf(new Map([[UNALIGNED, 'false']]))).toBeUndefined()
  expect(alignedTimeoutMsOf(new Map([[UNALIGNED, 'true']]))).toBe(0)
  expect(
    alignedTimeoutMsOf(
      new Map([
        [UNALIGNED, 'true'],
        [TIMEOUT, '30000'],
      ]),
    ),
  ).toBe(30_000)
})

test('a timeout that would mean nothing is refused, and so is overtaking where nothing is aligned', () => {
  expect(() => alignedTimeoutMsOf(new Map([[TIMEOUT, '0']]))).toThrow(`${TIMEOUT} is set, and ${UNALIGNED} is not true`)
  const both = new Map([
    [UNALIGNED, 'true'],
    [MODE, 'AT_LEAST_ONCE'],
  ])
  expect(() => alignedTimeoutMsOf(both)).toThrow('with execution.checkpointing.mode AT_LEAST_ONCE nothing is aligned')
})

test('the mode is exactly once unless it is said', () => {
  expect(checkpointingModeOf(new Map())).toBe('EXACTLY_ONCE')
  expect(checkpointingModeOf(new Map([[MODE, 'AT_LEAST_ONCE']]))).toBe('AT_LEAST_ONCE')
})
