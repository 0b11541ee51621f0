// Options of a session: the time zones that a real Flink 2.3 takes and refuses, and the values of the others.
import { expect, test } from 'vitest'
import { PlanError } from '../../../src/base/errors.ts'
import { runScript } from '../../../src/sql/runtime/run-script.ts'
import { checkSetting } from '../../../src/sql/runtime/script-job.ts'
import { checkSqlOption, sqlOption, timeZoneOf } from '../../../src/sql/session-options.ts'
import { parseScript } from '../../../src/sql/statement-parser.ts'

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

test.each([
  ['table.exec.mini-batch.enabled', 'TRUE'],
  ['table.exec.mini-batch.size', '-1'],
  ['table.exec.mini-batch.allow-latency', '5 s'],
  ['table.exec.state.ttl', '0'],
  ['table.exec.resource.sort.memory', '128 mb'],
  ['table.exec.sink.upsert-materialize', 'none'],
  ['execution.runtime-mode', 'BATCH'],
  ['table.exec.of-some-later-version', 'whatever'],
])('%s takes %s', (key, value) => {
  expect(() => checkSqlOption(key, value)).not.toThrow()
})

test.each([
  ['table.exec.mini-batch.enabled', 'yes', 'expected true or false'],
  ['table.exec.mini-batch.size', '10k', 'expected an integer'],
  ['table.exec.mini-batch.size', '-2', 'expected at least -1'],
  ['table.exec.mini-batch.allow-latency', 'soon', 'expected a duration like 500 ms, 10 s or 2 min'],
  ['table.exec.state.ttl', '1 hr', 'expected a duration like 500 ms, 10 s or 2 min'],
  ['table.exec.state.ttl', '-1 s', 'expected a duration like 500 ms, 10 s or 2 min'],
  ['table.exec.resource.sort.memory', '128 qb', 'expected a size like 512 mb or 2 gb'],
  ['table.exec.async-lookup.buffer-capacity', '0', 'expected at least 1'],
  ['table.exec.sink.upsert-materialize', 'SOMETIMES', 'expected one of NONE, AUTO, FORCE'],
  ['execution.runtime-mode', 'bulk', 'expected one of streaming, batch, automatic'],
  ['table.optimizer.agg-phase-strategy', 'THREE_PHASE', 'expected one of AUTO, ONE_PHASE, TWO_PHASE'],
])('%s does not take %s', (key, value, expected) => {
  const refusal = expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(`${key}.*"${value}".*${expected}`) as string })
  expect(() => checkSqlOption(key, value)).toThrow(refusal)
  // Whoever has not checked it finds out where it is read.
  if (key.startsWith('table.exec.m') || key.endsWith('ttl')) expect(() => sqlOption(new Map([[key, value]]), key)).toThrow(refusal)
})

test('is told with its statement', () => {
  const script = "SELECT 1;\nSET 'table.exec.state.ttl' = 'long'"
  expect(() => parseScript(script).forEach((statement) => checkSetting(statement, script))).toThrow(
    'Cannot set table.exec.state.ttl to "long": expected a duration like 500 ms, 10 s or 2 min, line 2, column 1',
  )
})

test('means the same in any case', () => {
  expect(sqlOption(new Map([['table.exec.mini-batch.enabled', ' False']]), 'table.exec.mini-batch.enabled')).toBe('false')
  expect(sqlOption(new Map([['table.exec.state.ttl', '2 min']]), 'table.exec.state.ttl')).toBe('120000')
  expect(sqlOption(new Map(), 'table.exec.state.ttl')).toBeUndefined()
})
