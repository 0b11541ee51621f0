import { describe, expect, test } from 'vitest'
import { parseJobArguments } from '../../../src/cli/job-arguments.ts'

describe('parseJobArguments()', () => {
  test('gives text for --key value and --key=value, and true for a flag', () => {
    expect(parseJobArguments(['--input', 'a.csv', '--limit=10', '--verbose'])).toEqual({ input: 'a.csv', limit: '10', verbose: true, _: [] })
  })

  test('takes an option behind a flag for the next option', () => {
    expect(parseJobArguments(['--dry', '--out', 'x'])).toEqual({ dry: true, out: 'x', _: [] })
  })

  test('keeps what has no name, in order', () => {
    expect(parseJobArguments(['a', '--k', 'v', 'b'])).toEqual({ k: 'v', _: ['a', 'b'] })
  })

  test('gives false for --no-flag, but keeps a bare --no-', () => {
    expect(parseJobArguments(['--no-color', '--no-'])).toEqual({ color: false, 'no-': true, _: [] })
  })

  test('collects the values of a name given more than once', () => {
    expect(parseJobArguments(['--file', 'a', '--file', 'b', '--file=c'])).toEqual({ file: ['a', 'b', 'c'], _: [] })
  })

  test('lets the last one count where a flag and a value meet', () => {
    expect(parseJobArguments(['--level', '--level=3'])).toEqual({ level: '3', _: [] })
    expect(parseJobArguments(['--level=3', '--no-level'])).toEqual({ level: false, _: [] })
  })

  test('takes negative numbers and a lone dash for values', () => {
    expect(parseJobArguments(['--offset', '-5', '--low', '-.5', '--in', '-', '-7'])).toEqual({ offset: '-5', low: '-.5', in: '-', _: ['-7'] })
  })

  test('takes one dash for two', () => {
    expect(parseJobArguments(['-n', '3', '-v'])).toEqual({ n: '3', v: true, _: [] })
  })

  test('keeps empty values and equals signs in values', () => {
    expect(parseJobArguments(['--filter=a=b', '--empty='])).toEqual({ filter: 'a=b', empty: '', _: [] })
  })

  test('takes everything behind a second -- as it is', () => {
    expect(parseJobArguments(['--a', '1', '--', '--b', '--', 'c'])).toEqual({ a: '1', _: ['--b', '--', 'c'] })
  })

  test('knows no special names', () => {
    const params = parseJobArguments(['--__proto__', 'x', '--constructor=y'])
    expect(Object.entries(params)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
      ['_', []],
    ])
    expect(Object.getPrototypeOf(params)).toBe(Object.prototype)
  })
})
