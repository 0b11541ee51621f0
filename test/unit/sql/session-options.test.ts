// The time zone of a session: names that a real Flink 2.3 takes and refuses.
import { expect, test } from 'vitest'
import { PlanError } from '../../../src/base/errors.ts'
import { runScript } from '../../../src/sql/runtime/run-script.ts'
import { checkSqlOption, timeZoneOf } from '../../../src/sql/session-options.ts'

test.each([
  'UTC',
  'GMT',
  'GMT+8',
  'GMT+08:00',
  'GMT-03:30',
  'Europe/Berlin',
  'America/Los_Angeles',
  'Asia/Calcutta',
  'Asia/Kathmandu',
  'EST5EDT',
  'CET',
  'Etc/GMT+5',
])('%s is a time zone', (name) => {
  expect(timeZoneOf(name)).toBe(name)
})

test.each(['Banana', 'nonsense', 'EST', 'PST', 'UTC+8', 'Z', '+08:00', 'europe/berlin', 'GMT+25', ''])('"%s" is none', (name) => {
  expect(() => timeZoneOf(name)).toThrow(PlanError)
  expect(() => checkSqlOption('table.local-time-zone', name)).toThrow(/there is none of that name/)
})

test('is UTC where nobody says where the session is', () => {
  expect([timeZoneOf(undefined), timeZoneOf('default')]).toEqual(['UTC', 'UTC'])
})

test('is checked before anything runs', () => {
  const rows: unknown[] = []
  const run = (): void => runScript("SET 'table.local-time-zone' = 'Berlin'; SELECT 1", { columns() {}, change: (_, row) => rows.push(row) }, { log() {} })
  expect(run).toThrow(/Cannot use "Berlin" as the time zone/)
  expect(rows).toEqual([])
})
