import { expect, test } from 'vitest'
import { formatAge, formatBytes, formatCount, formatDuration, formatMs, formatPercent, formatShort, formatWatermark } from '../../../src/cli/numbers.ts'

test.each([
  [0, '0'],
  [999, '999'],
  [1000, '1,000'],
  [3_000_000, '3,000,000'],
])('formatCount(%d) groups by three', (count, text) => expect(formatCount(count)).toBe(text))

test.each([
  [0, '0'],
  [999.4, '999'],
  [999.6, '1.00 K'],
  [1234, '1.23 K'],
  [12_345, '12.3 K'],
  [999_499, '999 K'],
  [999_500, '1.00 M'],
  [4_100_000, '4.10 M'],
  [1.25e9, '1.25 G'],
])('formatShort(%d) has three digits', (value, text) => expect(formatShort(value)).toBe(text))

test.each([
  [250, '0.25 s'],
  [9994, '9.99 s'],
  [12_340, '12.3 s'],
  [59_960, '1 min 00 s'],
  [245_000, '4 min 05 s'],
  [7_380_000, '2 h 03 min'],
])('formatDuration(%d)', (ms, text) => expect(formatDuration(ms)).toBe(text))

test.each([
  [0.254, '0.25 ms'],
  [12.34, '12.3 ms'],
  [999.4, '999 ms'],
  [999.6, '1.00 s'],
])('formatMs(%d)', (ms, text) => expect(formatMs(ms)).toBe(text))

test.each([
  [-5, '0.0 s'],
  [840, '0.8 s'],
  [9960, '10 s'],
  [119_000, '119 s'],
  [119_600, '2 min'],
  [7_200_000, '2 h'],
  [172_800_000, '2 d'],
])('formatAge(%d) has one unit', (ms, text) => expect(formatAge(ms)).toBe(text))

test('formatPercent() rounds', () => expect([0.4, 45.5, 100].map(formatPercent)).toEqual(['0 %', '46 %', '100 %']))

test.each([
  [0, '0 B'],
  [1536, '1.5 KB'],
  [64 * 2 ** 20, '64.0 MB'],
  [300 * 2 ** 20, '300 MB'],
  [2 ** 31, '2.0 GB'],
])('formatBytes(%d)', (bytes, text) => expect(formatBytes(bytes)).toBe(text))

test.each([
  [-Infinity, undefined],
  [Number.NaN, undefined],
  [Number.MIN_SAFE_INTEGER, undefined],
  [0, '1970-01-01 00:00:00.000'],
  [Number.MAX_SAFE_INTEGER, 'end'],
  [Infinity, 'end'],
])('formatWatermark(%d)', (watermarkMs, text) => expect(formatWatermark(watermarkMs)).toBe(text))
