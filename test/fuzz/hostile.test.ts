// Hostile statements: no text of theirs runs as a program, none takes long, and what is refused is refused with an error that has a code.

import { describe, expect, test } from 'vitest'
import { MillraceError } from '../../src/base/errors.ts'
import { explainedRows, runScript } from '../../src/sql/runtime/run-script.ts'
import { SqlSession } from '../../src/sql/session.ts'
import { parseScript } from '../../src/sql/statement-parser.ts'
import { canaryWasTouched } from './hostile-texts.ts'
import { changedScript, deepQueries, hostileQuery } from './random-statements.ts'
import { Draws, report, trials } from './seeds.ts'

/** Processor time, of whatever runs in the process meanwhile too: the collector, the compiler. */
const SECONDS_MAX = 1
const PROTOTYPES = [Object.prototype, Array.prototype, Function.prototype, String.prototype, Map.prototype]

const membersOf = (): string => PROTOTYPES.map((prototype) => Reflect.ownKeys(prototype).map(String).join()).join(';')

/** Plans all that a script would run, and runs nothing. */
function plan(text: string): void {
  const session = new SqlSession()
  for (const statement of parseScript(text)) {
    const result = session.execute(statement, text)
    if (result.kind === 'query' || result.kind === 'insert') explainedRows({ kind: 'explain', of: result, details: new Set() }, session, { log() {} })
  }
}

function run(text: string): void {
  runScript(text, { columns() {}, change() {} }, { log() {} })
}

const { first, count } = trials(50_000, 300)
const before = membersOf()
const outcomes = new Map<string, number>()

/** What is wrong with how a statement ends; '' if nothing is. */
function judge(text: string, work: (text: string) => void): string {
  const start = process.cpuUsage()
  let verdict = ''
  let outcome = 'answered'
  try {
    work(text)
  } catch (error) {
    outcome = error instanceof MillraceError ? error.code : 'untyped'
    if (!(error instanceof MillraceError) || typeof error.code !== 'string') verdict = (error as Error).stack?.split('\n', 6).join(' ') ?? String(error)
  }
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  const { user, system } = process.cpuUsage(start)
  if ((user + system) / 1e6 > SECONDS_MAX) verdict += ` took ${(user + system) / 1e6} s`
  if (canaryWasTouched()) verdict += ' touched the canary'
  return verdict
}

describe('hostile statements', () => {
  test('the canary is touched by texts that become code', () => {
    // oxlint-disable-next-line no-new-func -- what must never happen elsewhere
    new Function("const text = '';canary();//'")()
    expect([canaryWasTouched(), canaryWasTouched()]).toEqual([true, false])
  })

  test(`queries in which something is there 5000 times take less than ${SECONDS_MAX} s, and are refused with a code if they are`, () => {
    expect(
      deepQueries(5000)
        .map((text) => judge(text, run))
        .filter((verdict) => verdict !== ''),
    ).toEqual([])
  })

  test(`${count} of them touch no canary, take less than ${SECONDS_MAX} s, and are refused with a code if they are, from seed ${first}`, () => {
    const wrong: string[] = []
    for (let seed = first; seed < first + count; seed++) {
      const draws = new Draws(seed)
      const kind = draws.integer(400)
      const text = kind === 0 ? draws.pick(deepQueries(draws.pick([50, 500, 5000]))) : kind < 250 ? changedScript(draws) : hostileQuery(draws)
      const verdict = judge(text, kind > 0 && kind < 250 ? plan : run)
      if (verdict !== '') wrong.push(`SEED=${seed} ${text.length > 600 ? `${text.slice(0, 300)} ... ${text.slice(-200)}` : text}\n  ${verdict}`)
    }
    const told = [...outcomes].sort(([, left], [, right]) => right - left).map(([outcome, times]) => `${outcome} ${times}`)
    report(`hostile statements: ${count} from seed ${first} on: ${told.slice(0, 12).join(', ')}`)
    expect(wrong.slice(0, 20)).toEqual([])
    expect(membersOf()).toBe(before)
  }, 900_000)
})
