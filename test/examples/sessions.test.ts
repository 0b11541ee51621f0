// Sessions of clicks, and the clicks that come too late for theirs, against a model of a few lines.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Random } from 'millrace/testing'
import { expect, test } from 'vitest'
import { run } from '../fixtures/command.ts'

const GAP_MS = 30_000
const OUT_OF_ORDERNESS_MS = 5_000

interface Click {
  readonly user: string
  readonly page: string
  readonly at: string
}

interface Session {
  readonly user: string
  readonly start: number
  readonly end: number
  readonly pages: readonly string[]
}

const msOf = (at: string): number => Date.parse(`${at.replace(' ', 'T')}Z`)
const textOf = (ms: number): string => new Date(ms).toISOString().slice(0, 23).replace('T', ' ')

/** Click by click: a session closes when the watermark passes its end, a click is late if the session it would make has closed already. */
function model(clicks: readonly Click[]): { readonly sessions: readonly Session[]; readonly late: readonly Click[] } {
  const closed: Session[] = []
  const late: Click[] = []
  let open: Session[] = []
  let watermarkMs = -Infinity
  for (const click of clicks) {
    const at = msOf(click.at)
    let session: Session = { user: click.user, start: at, end: at + GAP_MS, pages: [click.page] }
    const touched = open.filter(({ user, start, end }) => user === click.user && start <= session.end && end >= session.start)
    for (const other of touched)
      session = { ...session, start: Math.min(session.start, other.start), end: Math.max(session.end, other.end), pages: [...session.pages, ...other.pages] }
    if (session.end - 1 <= watermarkMs) late.push(click)
    else open = [...open.filter((other) => !touched.includes(other)), session]
    watermarkMs = Math.max(watermarkMs, at - OUT_OF_ORDERNESS_MS - 1)
    closed.push(...open.filter(({ end }) => end - 1 <= watermarkMs))
    open = open.filter(({ end }) => end - 1 > watermarkMs)
  }
  return { sessions: [...closed, ...open], late }
}

const rowsOf = (path: string): Record<string, unknown>[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)

const sorted = (rows: readonly unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort()

/** Pages of a session come in the order of arrival within each part that was merged; the model says which, not in what order. */
const asRow = ({ user, start, end, pages }: Session) => ({ user, start: textOf(start), end: textOf(end), clicks: pages.length, pages: pages.toSorted() })

async function runSessions(clicks: readonly Click[], ...args: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-sessions-'))
  const [input, out, late] = ['clicks.jsonl', 'sessions.jsonl', 'late.jsonl'].map((name) => join(folder, name))
  writeFileSync(input, clicks.map((click) => `${JSON.stringify(click)}\n`).join(''))
  const { status, stderr } = await run('run', 'examples/sessions/sessions.ts', '--quiet', ...args, '--', '--in', input, '--out', out, '--late', late)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const sessions = rowsOf(out).map((row) => ({ ...row, pages: (row.pages as string[]).toSorted() }))
  return { sessions, late: rowsOf(late) }
}

test('the clicks that lie beside the job become four sessions and one late click', async () => {
  const clicks = rowsOf('examples/sessions/clicks.jsonl') as unknown as Click[]
  const { sessions, late } = await runSessions(clicks)
  expect(sorted(sessions)).toEqual(sorted(model(clicks).sessions.map(asRow)))
  expect(sessions.length).toBe(4)
  expect(late).toEqual([{ user: 'bob', page: '/', at: '2026-01-01 10:00:20.000' }])
})

test.each([1, 2])('late.jsonl holds exactly the clicks that are late, with parallelism %i', async (parallelism) => {
  // Clicks up to 80 s out of order: some find their session still open, some do not.
  const random = new Random(7)
  const upTo = (limit: number): number => Math.floor(random.next() * limit)
  const from = msOf('2026-01-01 10:00:00.000')
  const clicks = Array.from({ length: 4000 }, (_, index): Click => {
    const behindMs = random.next() < 0.05 ? upTo(80_000) : upTo(4000)
    return { user: `user ${upTo(40)}`, page: `/${index}`, at: textOf(from + index * 1000 - behindMs) }
  })
  const expected = model(clicks)
  expect(expected.late.length).toBeGreaterThan(20)
  const { sessions, late } = await runSessions(clicks, '--parallelism', String(parallelism))
  expect(sorted(late)).toEqual(sorted(expected.late))
  expect(sorted(sessions)).toEqual(sorted(expected.sessions.map(asRow)))
})
