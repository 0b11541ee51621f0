// README.md says only what holds: its code compiles, its programs print what it shows, its tables are those of the sources.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { Command, root } from '../fixtures/command.ts'
import { fencedBlocks, fragmentModule, Scratch, type Snippet } from './snippets.ts'

const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = fencedBlocks('README.md')
const code = blocks.filter(({ language }) => language === 'ts')

const EXCERPT = /^\/\/ from (\S+)\n/
const PROGRAM = /^\/\/ (\w+)\.ts\n/
const excerpts = code.filter(({ text }) => EXCERPT.test(text))
const programs = code.filter(({ text }) => PROGRAM.test(text)).map((block) => ({ ...block, name: PROGRAM.exec(block.text)![1] }))
const schemas = code.find(({ text }) => text.includes('type Order ='))!
const fragments = code.filter((block) => !EXCERPT.test(block.text) && !PROGRAM.test(block.text) && block !== schemas)

/** What the fragments build on: the schemas that README.md shows, and records for them. */
const PRELUDE = `
const env = Millrace.local()
${schemas.text}
const clicks: DataStream<Click> = env
  .fromCollection([{ user: 'ada', page: '/', at: 0 }, { user: 'bob', page: '/shop/cart', at: 400_000 }, { user: 'ada', page: '/shop', at: 10_000_000 }], click)
  .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<Click>().withTimestampAssigner('at'))
const orders: DataStream<Order> = env
  .fromCollection([{ user: 'ada', amount: 900, at: 1000 }, { user: 'ada', amount: 200, at: 400_001 }, { user: 'bob', amount: 7, at: 8_000_000 }], order)
  .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<Order>().withTimestampAssigner('at'))
async function lookUp(user: string): Promise<string> {
  return user.toUpperCase()
}
async function* pages(): AsyncGenerator<string> {
  yield '/'
}`

/** Streams that a fragment makes. */
const streamsOf = ({ text }: Snippet): string[] => [...text.matchAll(/^const (\w+) = (?:clicks|orders|hourly|env|AsyncDataStream)\b/gm)].map(([, name]) => name)

const scratch = new Scratch()
beforeAll(() => {
  for (const { name, text } of programs) scratch.write(`${name}.ts`, text)
  for (const [index, block] of fragments.entries()) {
    const streams = streamsOf(block)
    const drained = `const drained: Record<string, unknown[]> = {}
for (const [name, stream] of Object.entries({ ${streams.join(', ')} })) stream.forEach((record: object | string | number) => void (drained[name] ??= []).push(typeof record === 'object' ? { ...record } : record))
await env.execute()
console.log(JSON.stringify(drained))`
    scratch.write(`fragment${index}.ts`, fragmentModule(`${block.text}${streams.length === 0 ? '' : drained}`, PRELUDE))
  }
})

test('every block of TypeScript is a program, an excerpt or a fragment that compiles', () => {
  expect([programs.length, excerpts.length, fragments.length].every((count) => count > 0)).toBe(true)
  expect(scratch.typeCheck()).toBe('')
})

test.each(excerpts)('$place is an excerpt', ({ text }) => {
  const [head, path] = EXCERPT.exec(text)!
  expect(readFileSync(join(root, path), 'utf8')).toContain(text.slice(head.length))
})

/** What each stream of a fragment holds, as far as README.md says it. */
const EXPECTED: Record<string, unknown[]> = {
  words: [
    { word: 'shop', length: 4 },
    { word: 'cart', length: 4 },
    { word: 'shop', length: 4 },
  ],
  bigSpenders: ['ada spent 1100 within an hour'],
  sums: [1107],
  paid: [900, 200, 7],
  sameMinute: ['900 after /'],
  within: ['ada: /, then 900', 'ada: /, then 200'],
  named: [
    { amount: 900, name: 'ADA' },
    { amount: 200, name: 'ADA' },
    { amount: 7, name: 'BOB' },
  ],
}

test('the streams of the fragments run, and hold what their code says', { timeout: 120_000 }, async () => {
  scratch.write('clicks.jsonl', '{"user":"ada","page":"/","at":"2026-01-01 10:00:00.000"}\n{"user":"bob","page":7,"at":"2026-01-01 10:00:00.000"}\n')
  const seen: Record<string, unknown[]> = {}
  for (const [index, block] of fragments.entries()) {
    if (streamsOf(block).length === 0) continue
    await scratch.compile(`fragment${index}`)
    const { status, stdout, stderr } = scratch.run(`fragment${index}.js`)
    expect({ place: block.place, status, stderr }).toEqual({ place: block.place, status: 0, stderr: '' })
    Object.assign(seen, JSON.parse(stdout))
  }
  expect(seen).toMatchObject(EXPECTED)
  const letters = readFileSync(join(scratch.folder, 'bad.jsonl'), 'utf8').trimEnd().split('\n')
  expect(letters.map((line) => (JSON.parse(line) as { line: number }).line)).toEqual([2])
})

test('programs that are not jobs print what their comments say', async () => {
  for (const { name } of programs) await scratch.compile(name)
  const mains = programs.filter(({ text }) => !text.includes('export default'))
  expect(mains.length).toBeGreaterThan(0)
  for (const { name, text } of mains) {
    const said = [...text.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, line]) => line)
    expect(scratch.run(`${name}.js`)).toEqual({ status: 0, stdout: said.map((line) => `${line}\n`).join(''), stderr: '' })
  }
})

test('the command prints what the terminal sessions show', async () => {
  const sessions = blocks.filter(({ language }) => language === 'console').flatMap(({ text }) => [...text.matchAll(/^\$ (\w+) (.*)\n((?:(?!\$ ).*\n)*)/gm)])
  for (const [, tool, file, shown] of sessions) if (tool === 'cat') scratch.write(file, shown)
  const commands = sessions.filter(([, tool]) => tool === 'millrace')
  expect(commands.length).toBeGreaterThan(0)
  for (const [, , args, stdout] of commands)
    expect(await new Command(args.split(' '), { cwd: scratch.folder }).ended).toEqual({ status: 0, signal: null, stdout, stderr: '' })
})

describe('tables', () => {
  test('metrics: every one that a job has', () => {
    const section = /^## Metrics\n[^]*?(?=^## )/m.exec(readme)![0]
    const messages = readFileSync(join(root, 'src/runtime/thread-messages.ts'), 'utf8')
    const fields = [...messages.matchAll(/^export interface (?:\w+Metrics|OperatorTotals) \{\n([^]*?)^\}/gm)].flatMap(([, body]) =>
      [...body.matchAll(/^ {2}readonly (\w+)/gm)].map(([, name]) => name),
    )
    expect(fields.length).toBeGreaterThan(40)
    expect(fields.filter((name) => !section.includes(`\`${name}\``))).toEqual([])
  })

  test('values in user code: those of the type builder', () => {
    const rows = (text: string): string[] => [...text.matchAll(/^(?: \* )?(\|.*\|)$/gm)].map(([, row]) => row.replace('{@link Decimal}', '`Decimal`'))
    const declared = rows(readFileSync(join(root, 'src/batch/types.ts'), 'utf8'))
    expect(declared.length).toBeGreaterThan(5)
    expect(readme).toContain(declared.join('\n'))
  })

  test('errors: every class and code of the sources (UPDATE_README=1 writes the table anew)', () => {
    const table = errorTable()
    if (process.env.UPDATE_README === '1') writeFileSync(join(root, 'README.md'), readme.replace(/\| class \|[\s\S]*?(?=\n\n)/, table))
    expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain(table)
  })

  test('the command line: every command', async () => {
    const { stdout } = await new Command(['--help']).ended
    const commands = [...stdout.slice(stdout.indexOf('Commands:'), stdout.indexOf('Examples:')).matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name)
    expect(commands.length).toBeGreaterThan(3)
    expect(commands.filter((name) => name !== 'help' && !readme.includes(`| \`millrace ${name} `))).toEqual([])
  })
})

/** Classes with their meaning, as base/errors.ts says it, and their codes, as the sources throw them. */
function errorTable(): string {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts') && !path.includes('assembly'))
  const codes = new Map<string, Set<string>>()
  const add = (name: string, code: string): unknown => codes.set(name, (codes.get(name) ?? new Set()).add(code))
  for (const path of sources) {
    const text = readFileSync(join(root, 'src', path), 'utf8')
    for (const [, name, code] of text.matchAll(/\bnew (\w+Error)\(\s*'([A-Z][A-Z_]+)'/g)) add(name, code)
    // With the place in a text, where there is one.
    if (path.startsWith('sql')) for (const [, code] of text.matchAll(/\b(?:errorAt|refusal)\([^'`]*'([A-Z][A-Z_]+)'/g)) add('PlanError', code)
  }
  const classes = [...readFileSync(join(root, 'src/base/errors.ts'), 'utf8').matchAll(/\/\*\* (.*) \*\/\nexport class (\w+) extends MillraceError/g)]
  const rows = classes.map(([, meaning, name]) => {
    const list = [...(codes.get(name) ?? [])].sort().map((code) => `\`${code}\``)
    return `| \`${name}\` | ${meaning} | ${list.join(', ')} |`
  })
  return ['| class | means | codes |', '|---|---|---|', ...rows].join('\n')
}
