import { describe, expect, test } from 'vitest'
import { PlanError } from '../../../src/base/errors.ts'
import { configOptions, parseOption, parseSetting } from '../../../src/engine/options.ts'
import { editDistance, suggest } from '../../../src/base/suggest.ts'

function refusalOf(action: () => unknown): PlanError {
  try {
    action()
  } catch (error) {
    if (error instanceof PlanError) return error
    throw error
  }
  throw new Error('it was accepted')
}

describe('the registry of options', () => {
  test('has each key once, and a documentation for it', () => {
    const keys = configOptions().map(({ key }) => key)
    expect(new Set(keys).size).toBe(keys.length)
    expect(configOptions().filter(({ documentation }) => !/^[A-Z0-9].*\.$/.test(documentation))).toEqual([])
  })

  test('holds defaults that its own options accept', () => {
    const notes = configOptions().flatMap(({ key, default: text }) => (text === undefined ? [] : [parseOption(key, text).note]))
    expect(new Set(notes)).toEqual(new Set([undefined]))
  })

  test('gives every measure a unit', () => {
    expect(configOptions().filter(({ type, unit }) => (type === 'duration' && unit !== 'ms') || (type === 'memory' && unit !== 'bytes'))).toEqual([])
  })
})

describe('parseOption()', () => {
  test.each([
    ['millrace.worker.hang-timeout', '1500', '1500'],
    ['millrace.worker.hang-timeout', '10 s', '10000'],
    ['millrace.worker.hang-timeout', '2min', '120000'],
    ['millrace.worker.memory-max', '512 mb', String(512 * 2 ** 20)],
    ['millrace.worker.memory-max', '2GiB', String(2 ** 31)],
    ['millrace.batch.rows-max', ' 1024 ', '1024'],
    ['millrace.dev', 'TRUE', 'true'],
    ['pipeline.name', 'flights', 'flights'],
  ])('%s = "%s" is kept as %s', (key, text, value) => expect(parseOption(key, text)).toEqual({ key, value, note: undefined }))

  test.each([
    ['millrace.worker.hang-timeout', 'soon', 'expected a duration'],
    ['millrace.worker.hang-timeout', '10 constructor', 'expected a duration'],
    ['millrace.worker.memory-max', '1 kb', 'in 1048576..4294967296 bytes'],
    ['millrace.batch.rows-max', '1.5', 'expected an integer'],
    ['parallelism.default', '0', 'expected an integer in 1..32768'],
    ['millrace.dev', 'yes', 'expected true or false'],
    ['execution.checkpointing.mode', 'at-least-once', 'expected one of EXACTLY_ONCE, AT_LEAST_ONCE'],
    ['pipeline.name', ' ', 'not empty'],
  ])('refuses %s = "%s"', (key, text, message) => {
    const refusal = refusalOf(() => parseOption(key, text))
    expect(refusal.code).toBe('INVALID_OPTION')
    expect(refusal.message).toContain(message)
  })

  test('takes an older name of Flink for the one of today', () => {
    const option = { key: 'execution.state-recovery.path', value: 'savepoints/friday', note: undefined }
    for (const key of ['execution.savepoint.path', option.key]) expect(parseOption(key, option.value)).toEqual(option)
  })

  test('suggests the key that was meant', () => {
    expect(refusalOf(() => parseOption('millrace.batch.row-max', '1'))).toMatchObject({
      code: 'UNKNOWN_OPTION',
      hint: expect.stringContaining('"millrace.batch.rows-max"'),
    })
    expect(refusalOf(() => parseOption('rows-max', '1')).hint).toContain('"millrace.batch.rows-max"')
    expect(refusalOf(() => parseOption('something.else.entirely', '1')).hint).not.toContain('Did you mean')
  })

  test("accepts Flink's keys that mean nothing here, and says why", () => {
    expect(parseOption('taskmanager.numberOfTaskSlots', '4').note).toContain('no task managers')
    expect(parseOption('pipeline.object-reuse', 'true').note).toContain('always reused')
    expect(parseOption('high-availability.type', 'zookeeper').note).toContain('one process')
  })

  test("refuses Flink's keys that a user would rely on", () => {
    expect(refusalOf(() => parseOption('execution.checkpointing.max-concurrent-checkpoints', '2')).code).toBe('UNSUPPORTED_OPTION')
  })
})

test('parseSetting() splits at the first equals sign', () => {
  expect(parseSetting('pipeline.name=a=b')).toMatchObject({ key: 'pipeline.name', value: 'a=b' })
  expect(refusalOf(() => parseSetting('pipeline.name')).message).toContain('expected key=value')
  expect(refusalOf(() => parseSetting('=x')).message).toContain('expected key=value')
})

describe('suggest()', () => {
  test('counts a swap of neighbours as one edit', () => {
    expect(editDistance('rnu', 'run')).toBe(1)
    expect(editDistance('kitten', 'sitting')).toBe(3)
    expect(editDistance('', 'abc')).toBe(3)
  })

  test('finds the nearest word, and none that is far', () => {
    expect(suggest('explian', ['run', 'explain', 'options'])).toBe('explain')
    expect(suggest('banana', ['run', 'explain', 'options'])).toBeUndefined()
  })
})
