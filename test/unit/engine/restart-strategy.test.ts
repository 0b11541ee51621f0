import { BadRecordError } from '../../../src/base/errors.ts'
import { describe, expect, test } from 'vitest'
import { ConnectorError, JobError, PlanError, RestoreError, UserFunctionError } from '../../../src/base/errors.ts'
import { Random } from '../../../src/base/random.ts'
import { configOptions } from '../../../src/engine/options.ts'
import { mayEndOtherwise, RESTART_STRATEGY_TYPES, Restarts, restartStrategyOf } from '../../../src/engine/restart-strategy.ts'

/** What a strategy answers to failures at these times, in ms. */
function answers(settings: Readonly<Record<string, string>>, failures: readonly number[]): (number | undefined)[] {
  const options = new Map(Object.entries(settings).map(([key, value]) => [key.startsWith('execution.') ? key : `restart-strategy.${key}`, value]))
  const strategy = restartStrategyOf(options, new Random(1))!
  return failures.map((atMs) => strategy.onFailure(atMs))
}

const FAILURE = new Error('failure')

describe('restartStrategyOf()', () => {
  test('without checkpoints there is none, with them delays grow', () => {
    expect(restartStrategyOf(new Map(), new Random(1))).toBeUndefined()
    expect(restartStrategyOf(new Map([['execution.checkpointing.dir', 'x']]), new Random(1))).toBeDefined()
    for (const type of ['none', 'off', 'disable'])
      expect(
        restartStrategyOf(
          new Map([
            ['execution.checkpointing.dir', 'x'],
            ['restart-strategy.type', type],
          ]),
          new Random(1),
        ),
      ).toBeUndefined()
  })

  test('fixed-delay starts again so many times', () => {
    expect(answers({ type: 'fixed-delay' }, [0, 1])).toEqual([1000, undefined])
    const settings = { type: 'fixed-delay', 'fixed-delay.attempts': '2', 'fixed-delay.delay': '50' }
    expect(answers(settings, [0, 1e9, 2e9, 3e9])).toEqual([50, 50, undefined, undefined])
  })

  test('failure-rate counts the failures of an interval', () => {
    const settings = {
      type: 'failure-rate',
      'failure-rate.max-failures-per-interval': '2',
      'failure-rate.failure-rate-interval': '100',
      'failure-rate.delay': '7',
    }
    // At 100 the failure at 0 is no longer within 100 ms.
    expect(answers(settings, [0, 50, 100, 149])).toEqual([7, 7, 7, undefined])
  })

  test('exponential-delay multiplies up to a maximum, and begins anew after a long run', () => {
    const settings = {
      type: 'exponential-delay',
      'exponential-delay.initial-backoff': '10',
      'exponential-delay.max-backoff': '35',
      'exponential-delay.backoff-multiplier': '2',
      'exponential-delay.jitter-factor': '0',
      'exponential-delay.reset-backoff-threshold': '1000',
    }
    expect(answers(settings, [0, 20, 40, 60, 1000, 2040])).toEqual([10, 20, 35, 35, 35, 10])
    expect(answers({ ...settings, 'exponential-delay.attempts-before-reset-backoff': '2' }, [0, 20, 40, 5000])).toEqual([10, 20, undefined, 10])
  })

  test('jitter spreads delays to both sides, by its part at most', () => {
    const settings = { type: 'exponential-delay', 'exponential-delay.backoff-multiplier': '1', 'exponential-delay.jitter-factor': '0.2' }
    const delays = answers(
      settings,
      Array.from({ length: 200 }, (_, index) => index),
    ) as number[]
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(800)
    expect(Math.max(...delays)).toBeLessThanOrEqual(1200)
    expect(delays.some((delay) => delay < 900) && delays.some((delay) => delay > 1100)).toBe(true)
  })

  test('the registry of options takes the names of the strategies and nothing else, and documents what they read', () => {
    const options = configOptions().filter(({ key }) => key.startsWith('restart-strategy.'))
    expect(options.find(({ key }) => key === 'restart-strategy.type')!.choices).toEqual(RESTART_STRATEGY_TYPES)
    // Defaults stand in two places: in the documentation and in the code.
    for (const type of ['fixed-delay', 'failure-rate', 'exponential-delay']) {
      const documented = new Map<string, string>([['restart-strategy.type', type]])
      for (const { key, default: text, unit } of options)
        if (text !== undefined && key.startsWith(`restart-strategy.${type}.`)) documented.set(key, unit === 'ms' ? String(MS[text]) : text)
      const failures = [0, 10, 5000, 4_000_000, 4_000_001]
      const bare = restartStrategyOf(new Map([['restart-strategy.type', type]]), new Random(5))!
      const full = restartStrategyOf(documented, new Random(5))!
      expect(failures.map((atMs) => full.onFailure(atMs))).toEqual(failures.map((atMs) => bare.onFailure(atMs)))
    }
  })
})

/** The durations that the registry gives as defaults. */
const MS: Readonly<Record<string, number>> = { '1 s': 1000, '1 min': 60_000, '1 h': 3_600_000 }

describe('Restarts', () => {
  const restartsOf = (settings: Readonly<Record<string, string>>): Restarts => {
    const restarts = new Restarts(new Random(1))
    restarts.configure(new Map(Object.entries(settings)))
    return restarts
  }

  test('refuses a job without a strategy, and says which setting would give it one', () => {
    expect(restartsOf({}).refusal([], FAILURE)).toEqual({ reason: 'execution.checkpointing.dir is not set', isUnexpected: false })
    expect(restartsOf({ 'execution.checkpointing.dir': 'x', 'restart-strategy.type': 'off' }).refusal([], FAILURE)).toEqual({
      reason: 'restart-strategy.type is off',
      isUnexpected: false,
    })
  })

  test('refuses a job with inputs of the program, by their names', () => {
    const restarts = restartsOf({ 'execution.checkpointing.dir': 'x' })
    expect(restarts.refusal([], FAILURE)).toBeUndefined()
    expect(restarts.refusal([], new BadRecordError('NULL_TIMESTAMP', 'no time'))).toMatchObject({
      isUnexpected: true,
      reason: expect.stringContaining('would come again') as string,
    })
    expect(restarts.refusal(['orders', 'rules', 'orders'], FAILURE)).toMatchObject({
      reason: expect.stringContaining('what was pushed to "orders", "rules" behind') as string,
      isUnexpected: true,
    })
  })

  test('keeps the strategy of the first start, which has seen its failures', () => {
    const options = { 'restart-strategy.type': 'fixed-delay', 'restart-strategy.fixed-delay.attempts': '1', 'restart-strategy.fixed-delay.delay': '7' }
    const restarts = restartsOf(options)
    expect(restarts.onFailure(0)).toEqual({ delayMs: 7 })
    restarts.configure(new Map(Object.entries(options)))
    expect(restarts.onFailure(1)).toEqual({ reason: 'restart-strategy.fixed-delay.attempts is 1', isUnexpected: true })
  })
})

test('mayEndOtherwise() is false of what another start would meet again, also underneath', () => {
  const ends = [
    new JobError('WORKER_LOST', 'lost'),
    new UserFunctionError('USER_FUNCTION_FAILED', 'thrown'),
    new PlanError('NO_SINK', 'nothing'),
    new RestoreError('JOB_RUNNING', 'another'),
    new UserFunctionError('USER_FUNCTION_FAILED', 'thrown', { cause: new ConnectorError('OUTPUT_CLOSED', 'gone') }),
    new TypeError('a bug'),
  ]
  expect(ends.map(mayEndOtherwise)).toEqual([true, true, false, false, false, true])
})
