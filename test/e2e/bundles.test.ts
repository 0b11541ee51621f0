// Programs that embed the engine, as esbuild bundles them: with the engine left outside, and with it inside. Each runs in a process of its own,
// which must end by itself. Its starts are counted in a file: every thread that imports the program adds one.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type BuildOptions } from 'esbuild'
import { afterEach, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const job = (name: string, factor: number): string => `
import { defineJob } from 'millrace'
export default defineJob(import.meta, (env) => {
  env.fromElements(1, 2, 3).map((value) => value * ${factor}).output('${name}')
})`
const COUNT = `
import { appendFileSync } from 'node:fs'
appendFileSync(process.env.STARTS, 'x')`
const MAIN = `
async function main() {
  await using engine = await Millrace.start()
  const handle = engine.submit(job, { parallelism: 2 })
  const values = []
  for await (const value of handle.output('values')) values.push(value)
  console.log(values.sort().join())
}`
const ENGINE_OUTSIDE: BuildOptions = { external: ['millrace'] }
const ENGINE_INSIDE: BuildOptions = {}

/** Bundles \`program.ts\` and runs it. */
async function run(
  files: Readonly<Record<string, string>>,
  options: BuildOptions,
  installed: boolean = true,
): Promise<{ stdout: string; stderr: string; status: number | null; starts: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bundle-'))
  folders.push(folder)
  const sources = join(folder, 'src')
  mkdirSync(sources)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(sources, name), text)
  writeFileSync(join(folder, 'package.json'), '{ "name": "app", "type": "module" }')
  if (installed) {
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(root, join(folder, 'node_modules/millrace'))
  }
  const outdir = join(folder, 'out')
  await build({
    absWorkingDir: sources,
    entryPoints: Object.keys(files),
    outdir,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    alias: options.external === undefined ? { millrace: join(root, 'dist/index.js') } : {},
    // For CommonJS packages below the engine.
    banner: options.format === 'cjs' ? {} : { js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);" },
    logLevel: 'silent',
    ...options,
  })
  const starts = join(folder, 'starts')
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(outdir, `program${options.outExtension?.['.js'] ?? '.js'}`)], {
    encoding: 'utf8',
    env: { ...process.env, STARTS: starts },
    timeout: 30_000,
  })
  return { stdout, stderr, status, starts: existsSync(starts) ? readFileSync(starts, 'utf8').length : 0 }
}

test('a program that was bundled together with its job is not started again and again: the job fails by name', async () => {
  const program = `${COUNT}
    import { Millrace } from 'millrace'
    import job from './job.ts'
    ${MAIN}
    main().catch(({ code, hint }) => console.log(code, hint))`
  const { stdout, status, starts } = await run({ 'program.ts': program, 'job.ts': job('values', 2) }, ENGINE_OUTSIDE)
  expect({ status, starts }).toEqual({ status: 0, starts: 2 })
  expect(stdout).toMatch(/^NOT_A_JOB .*module of its own.*isMainThread/)
})

test('a program of one file that defines and submits its job fails by name', async () => {
  const program = `${COUNT}
    import { Millrace } from 'millrace'
    ${job('values', 2).replace('export default', 'const job =')}
    export default job
    ${MAIN}
    await main()`
  const { stderr, status, starts } = await run({ 'program.ts': program }, ENGINE_OUTSIDE)
  expect({ status, starts }).toEqual({ status: 1, starts: 2 })
  expect(stderr).toContain('JOB_RUNS_PROGRAM')
})

test.each([
  ['outside', ENGINE_OUTSIDE],
  ['inside', ENGINE_INSIDE],
])('a bundled program that exports its job and guards the rest runs, with the engine %s', async (_where, options) => {
  const program = `${COUNT}
    import { isMainThread } from 'node:worker_threads'
    import { Millrace } from 'millrace'
    import job from './job.ts'
    ${MAIN}
    if (isMainThread) await main()
    export { default } from './job.ts'`
  const { stdout, stderr, starts } = await run({ 'program.ts': program, 'job.ts': job('values', 2) }, options)
  expect({ stdout, stderr }).toEqual({ stdout: '2,4,6\n', stderr: '' })
  // The program, the coordinator, two workers.
  expect(starts).toBe(4)
})

test('a job in a module of its own runs beside a program with the engine inside, and so do closures', async () => {
  const program = `
    import { Millrace } from 'millrace'
    const job = new URL('./job.js', import.meta.url)
    ${MAIN}
    await main()
    const env = Millrace.local()
    console.log((await env.executeAndCollect(env.fromElements(1, 2).map((value) => value + 1))).join())`
  const { stdout, stderr } = await run({ 'program.ts': program, 'job.ts': job('values', 2) }, ENGINE_INSIDE)
  expect({ stdout, stderr }).toEqual({ stdout: '2,4,6\n2,3\n', stderr: '' })
})

test('an engine that was bundled and is not installed says what to do', async () => {
  const program = `
    import { Millrace } from 'millrace'
    const env = Millrace.local()
    const say = ({ code, hint }) => console.log(code, hint)
    await Millrace.start().catch(say)
    await env.executeAndCollect(env.fromElements(1)).catch(say)`
  const { stdout } = await run({ 'program.ts': program }, ENGINE_INSIDE, false)
  expect(stdout).toMatch(/^ENGINE_BUNDLED .*--external:millrace.*\nENGINE_BUNDLED .*\n$/)
})

test('a job that is not the one its module exports is refused, not run in its place', async () => {
  const program = `
    import { isMainThread } from 'node:worker_threads'
    import { Millrace } from 'millrace'
    import job from './other.ts'
    ${MAIN}
    if (isMainThread) await main().catch(({ code, message }) => console.log(code, message))
    export { default } from './job.ts'`
  const { stdout } = await run({ 'program.ts': program, 'job.ts': job('values', 2), 'other.ts': job('values', 3) }, ENGINE_OUTSIDE)
  expect(stdout).toMatch(/^NOT_A_JOB .*another job than the one that was submitted/)
})

test('what the module of a job leaves running does not keep the process', async () => {
  const program = `
    import { createServer } from 'node:http'
    import { isMainThread } from 'node:worker_threads'
    import { Millrace } from 'millrace'
    import job from './job.ts'
    ${MAIN}
    const server = createServer().listen(0)
    if (isMainThread) {
      await main()
      server.close()
    }
    export { default } from './job.ts'`
  const { stdout, status } = await run({ 'program.ts': program, 'job.ts': job('values', 2) }, ENGINE_OUTSIDE)
  expect({ stdout, status }).toEqual({ stdout: '2,4,6\n', status: 0 })
})

test('a program in a CommonJS bundle is told that its job has no URL', async () => {
  const program = `
    import('./job.ts').catch(({ code, hint }) => console.log(code, hint))`
  const { stdout } = await run({ 'program.ts': program, 'job.ts': job('values', 2) }, { ...ENGINE_OUTSIDE, format: 'cjs', outExtension: { '.js': '.cjs' } })
  expect(stdout).toMatch(/NOT_A_JOB .*--format=esm/)
})
