// The one build: TypeScript -> dist/*.js (esbuild), AssemblyScript kernels -> dist/kernels*.wasm (asc), declarations -> dist/types (tsc).
// Returns at once when no input is newer than the stamp; prints nothing on standard output (results of `millrace` are piped from there).
// Several builds may run at the same time: one works, the others wait for it; files appear in dist/ whole, by rename.
//   node .scripts/build.mjs [--no-types] [--force]
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')
const flags = new Set(process.argv.slice(2))

/** What a program or a user loads: source file -> file in dist/. */
const ENTRIES = {
  index: 'index',
  'cli/main': 'cli',
  'runtime/worker': 'worker',
  'runtime/coordinator-thread': 'coordinator',
  'sql/sql-job': 'sql-job',
  'testing/index': 'testing',
}
const entries = Object.entries(ENTRIES).filter(([source]) => existsSync(join(root, 'src', `${source}.ts`)))

const KERNEL_FLAGS = [
  ...['src/kernels/assembly/index.ts', '-O3', '--converge', '--runtime', 'stub', '--importMemory', '--noExportMemory', '--sharedMemory'],
  ...['--initialMemory', '16', '--maximumMemory', '65536', '--memoryBase', '1024', '--enable', 'simd', '--enable', 'threads', '--enable', 'bulk-memory'],
]

/** Path, size and modification time of every wanted file below `paths`: the cheap fingerprint of one stage's inputs. */
function fingerprint(paths, wanted) {
  const hash = createHash('sha1').update(process.version)
  const walk = (path) => {
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat === undefined || !wanted(path)) return
    if (stat.isDirectory()) for (const name of readdirSync(path).sort()) walk(join(path, name))
    else hash.update(`${path}\0${stat.size}\0${stat.mtimeMs}\n`)
  }
  for (const path of paths) walk(join(root, path))
  return hash.digest('hex')
}

const kernelFolder = join('kernels', 'assembly')
const isHost = (path) => !path.includes(kernelFolder)
const stages = [
  {
    name: 'kernels',
    inputs: () => fingerprint(['src/kernels/assembly', '.scripts/build.mjs', 'package-lock.json'], () => true),
    outputs: ['kernels.wasm', 'kernels-checked.wasm'],
    build: () => Promise.all([buildKernels('kernels.wasm', '--noAssert', '--use', 'CHECKED=0'), buildKernels('kernels-checked.wasm', '--use', 'CHECKED=1')]),
  },
  {
    name: 'javascript',
    inputs: () => fingerprint(['src', 'package.json', '.scripts/build.mjs'], isHost),
    outputs: [...entries.map(([, output]) => `${output}.js`), 'worker-entry.cjs'],
    build: buildJavaScript,
  },
  {
    name: 'types',
    inputs: () => fingerprint(['src', 'tsconfig.json', 'package.json', '.scripts/build.mjs', '.scripts/tsconfig.declarations.json'], isHost),
    outputs: ['types'],
    build: () => {
      rmSync(join(dist, 'types'), { recursive: true, force: true })
      return run('node_modules/typescript/bin/tsc', ['-p', '.scripts/tsconfig.declarations.json'])
    },
  },
].filter((stage) => stage.name !== 'types' || !flags.has('--no-types'))

async function buildKernels(output, ...switches) {
  await run('node_modules/assemblyscript/bin/asc.js', [...KERNEL_FLAGS, ...switches, '-o', `dist/.new-${output}`])
  renameSync(join(dist, `.new-${output}`), join(dist, output))
}

async function buildJavaScript() {
  const { build, transform } = await import('esbuild')
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: entries.map(([source, output]) => ({ in: `src/${source}.ts`, out: output })),
    outdir: 'dist',
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    packages: 'external',
    // Not linked: loading the engine's own maps into every thread cost 80 ms of a run's start. User code keeps its own.
    sourcemap: 'external',
    legalComments: 'none',
    logLevel: 'error',
    write: false,
  }).catch(() => process.exit(1))
  mkdirSync(join(dist, 'chunks'), { recursive: true })
  const written = new Set()
  // Chunks come first in no particular order; their names carry their hash, so that an older entry never meets a newer chunk.
  for (const { path, contents } of outputFiles.sort((a, b) => dirname(b.path).length - dirname(a.path).length)) {
    writeFileSync(`${path}.new`, contents, { mode: basename(path) === 'cli.js' ? 0o755 : 0o644 })
    renameSync(`${path}.new`, path)
    written.add(basename(path))
  }
  const entry = await transform(readFileSync(join(root, 'src/runtime/worker-entry.cts'), 'utf8'), { loader: 'ts', target: 'node20.19' })
  writeFileSync(join(dist, 'worker-entry.cjs.new'), entry.code)
  renameSync(join(dist, 'worker-entry.cjs.new'), join(dist, 'worker-entry.cjs'))
  for (const name of readdirSync(join(dist, 'chunks'))) if (!written.has(name)) rmSync(join(dist, 'chunks', name), { force: true })
}

/** Runs a tool of node_modules; what it says goes to standard error, only if it fails. */
function run(tool, args) {
  const child = spawn(process.execPath, [join(root, tool), ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  return new Promise((resolve, reject) =>
    child.on('close', (status) => (status === 0 ? resolve() : reject(new Error(`${basename(tool)} ${args.join(' ')}\n${output}`)))),
  )
}

const stampPath = (stage) => join(dist, `.${stage.name}.stamp`)
const isFresh = (stage) =>
  !flags.has('--force') &&
  existsSync(stampPath(stage)) &&
  readFileSync(stampPath(stage), 'utf8') === stage.inputs() &&
  stage.outputs.every((name) => existsSync(join(dist, name)))

/** Holds dist/.lock while `action` runs; a lock whose owner is gone is taken over. */
async function locked(action) {
  const lock = join(dist, '.lock')
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      let owner = Number.NaN
      try {
        owner = Number(readFileSync(lock, 'utf8'))
        if (owner > 0) process.kill(owner, 0)
        await new Promise((resolve) => setTimeout(resolve, 50))
      } catch (gone) {
        if (gone.code === 'ESRCH') rmSync(lock, { force: true })
        else if (gone.code !== 'ENOENT') throw gone
      }
    }
  }
  try {
    return await action()
  } finally {
    rmSync(lock, { force: true })
  }
}

mkdirSync(dist, { recursive: true })
if (!stages.every(isFresh)) {
  await locked(async () => {
    const results = await Promise.allSettled(
      stages
        .filter((stage) => !isFresh(stage))
        .map(async (stage) => {
          const inputs = stage.inputs()
          await stage.build()
          writeFileSync(stampPath(stage), inputs)
        }),
    )
    for (const { reason } of results.filter((result) => result.status === 'rejected')) {
      process.stderr.write(`${reason.message}\n`)
      process.exitCode = 1
    }
  })
}
