// A real Flink: its installation from the Python packages, and one query in a process of its own. Runs in the parent process.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sample, type Sample } from '../harness.ts'
import type { Measurement } from '../nexmark/measured-query.ts'
import { CACHE, eventsFile, queryText, ROOT, tablesText } from '../nexmark/queries.ts'

const VERSION = '2.3.0'
const PACKAGES = [`apache-flink==${VERSION}`, `apache-flink-libraries==${VERSION}`]
/** What Flink asks Java to open. */
const OPENED = ['lang', 'util', 'nio', 'net', 'time', 'lang.reflect', 'util.concurrent', 'util.concurrent.atomic', 'util.concurrent.locks', 'text', 'io']
/** Heaps to try, the next one where there is too little. */
const HEAPS = ['2g', '4g']

/** The folder `lib` of a Flink, and why there is none otherwise. */
export type Flink = { readonly lib: string } | { readonly missing: string }

/** Finds the Flink of the environment (`FLINK_HOME`), or installs one into the cache. */
export function installFlink(): Flink {
  const java = spawnSync('java', ['-version'], { encoding: 'utf8' })
  const version = Number(/version "(\d+)/.exec(java.stderr ?? '')?.[1] ?? 0)
  if (version < 17) return { missing: version === 0 ? 'there is no java' : `java is of version ${version}, and 17 is the least` }
  const given = process.env['FLINK_HOME']
  if (given !== undefined) return existsSync(join(given, 'lib')) ? { lib: join(given, 'lib') } : { missing: `FLINK_HOME is "${given}", where no folder lib is` }
  const folder = join(CACHE, `flink-${VERSION}`)
  if (!existsSync(folder)) {
    process.stderr.write(`Installing Flink ${VERSION} into ${folder}: some 400 MB\n`)
    const partial = `${folder}.${process.pid}`
    mkdirSync(CACHE, { recursive: true })
    // Only its files are wanted: no other package, and none of its scripts, whose paths change with the name of the folder.
    const pip = spawnSync('python3', ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', partial, ...PACKAGES], { encoding: 'utf8' })
    if (pip.status !== 0) {
      rmSync(partial, { recursive: true, force: true })
      return { missing: `it could not be installed: ${(pip.stderr ?? String(pip.error)).trim().split('\n').at(-1)}` }
    }
    renameSync(partial, folder)
  }
  const lib = join(folder, 'pyflink/lib')
  return existsSync(lib) && readdirSync(lib).some((name) => name.endsWith('.jar')) ? { lib } : { missing: `"${lib}" holds no Flink` }
}

/** As `measureQuery` does with our own engine. `seconds` are the job's alone. @throws {Error} What Flink says, if it cannot run the query. */
export async function measureFlink(lib: string, measurement: Measurement): Promise<Sample> {
  const { query, events } = measurement
  mkdirSync(join(ROOT, '.bench'), { recursive: true })
  const folder = mkdtempSync(join(ROOT, '.bench/run-'))
  try {
    const [tables, text, log] = ['tables.sql', 'query.sql', 'log.properties'].map((name) => join(folder, name))
    writeFileSync(tables, tablesText(query, { kind: 'file', path: eventsFile(events) }))
    writeFileSync(text, queryText(query))
    writeFileSync(log, 'rootLogger.level = OFF\n')
    for (const [index, heap] of HEAPS.entries()) {
      const { output, status } = await runJava([
        ...OPENED.map((part) => `--add-opens=java.base/java.${part}=ALL-UNNAMED`),
        `-Xmx${heap}`,
        `-Dlog4j.configurationFile=${log}`,
        '-cp',
        `${lib}/*`,
        join(ROOT, 'bench/peers/FlinkQuery.java'),
        ...[tables, text, String(measurement.parallelism), String(1 + measurement.warmPasses)],
      ])
      const runs = output.split('\n').flatMap((line) => (line.startsWith('{"seconds"') ? [JSON.parse(line) as FlinkRun] : []))
      if (status !== 0 && index < HEAPS.length - 1 && /OutOfMemory|heap space|GC overhead/i.test(output)) continue
      if (status !== 0 || runs.length === 0) throw new Error(causeOf(output))
      const [cold, ...warm] = runs
      const best = (warm.length === 0 ? [cold] : warm).reduce((left, right) => (left.seconds <= right.seconds ? left : right))
      return sample(best, '', {
        coldSeconds: cold.seconds,
        wholeSeconds: cold.wholeSeconds,
        peakBytes: cold.peakBytes,
        heapGigabytes: Number.parseInt(heap, 10),
      })
    }
    throw new Error('unreachable')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

interface FlinkRun {
  readonly seconds: number
  readonly wholeSeconds: number
  readonly cpuSeconds: number
  readonly peakBytes: number
}

async function runJava(args: readonly string[]): Promise<{ readonly output: string; readonly status: number | null }> {
  const child = spawn('java', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { output, status }
}

/** The last reason in a stack of Java. */
function causeOf(output: string): string {
  const causes = output.split('\n').filter((line) => /^(?:Caused by: |Exception in thread)/.test(line))
  return (
    causes
      .at(-1)
      ?.replace(/^Caused by: /, '')
      .slice(0, 200) ?? output.trim().slice(-200)
  )
}
