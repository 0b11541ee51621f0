// What the repository promises about itself, checked by reading it: the floors, banned calls with what to use instead, no dead files, the
// limits on dependencies, what lies at the top, and that the maps (src/README.md, README.md) show what is there.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { codeOf, importsOf, lineAt } from './source.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const json = (path: string): any => JSON.parse(read(path)) // oxlint-disable-line typescript/no-explicit-any -- foreign shapes

/** Made by tools, never checked in. */
const IGNORED = new Set(['.git', 'node_modules', 'dist', '.millrace', '.bench'])

/** Every file below a folder, as paths from the root. */
function filesBelow(folder: string): string[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (IGNORED.has(entry.name)) return []
    return entry.isDirectory() ? filesBelow(path) : [path]
  })
}

const isTypeScript = (path: string): boolean => path.endsWith('.ts')
const isKernel = (path: string): boolean => path.startsWith('src/kernels/assembly/')
const isGenerated = (path: string): boolean => /^src\/[a-z]+\/generated\//.test(path)

const sources = filesBelow('src').filter(isTypeScript)
/** Sources that tsc compiles. */
const hostSources = sources.filter((path) => !isKernel(path))
const programs = ['test', 'bench', 'examples'].flatMap(filesBelow).filter(isTypeScript)

/** The file that an import in `path` names, from the root; undefined if it is a package or does not exist. */
function target(path: string, specifier: string): string | undefined {
  const own = { millrace: 'src/index.ts', 'millrace/testing': 'src/testing/index.ts' }[specifier]
  if (own === undefined && !specifier.startsWith('.')) return undefined
  const file = own ?? relative(root, resolve(root, dirname(path), specifier))
  return [file, `${file}.ts`, join(file, 'index.ts')].find((candidate) => existsSync(join(root, candidate)) && statSync(join(root, candidate)).isFile())
}

describe('floors', () => {
  /** Design, section 10: a folder imports from strictly lower floors and from itself. */
  const FLOORS: readonly (readonly string[])[] = [
    ['base'],
    ['kernels', 'metrics', 'ring'],
    ['batch'],
    ['exchange', 'state', 'expression'],
    ['time', 'checkpoint'],
    ['operator'],
    ['format', 'plan'],
    ['connector', 'runtime'],
    ['engine'],
    ['sql'],
    ['api'],
    ['cli', 'server', 'testing'],
  ]
  /** Inside api/ a file imports from its own folder and from those named here; files directly in api/ serve them all. */
  const API_ORDER: Record<string, readonly string[]> = {
    '': [],
    datastream: [''],
    table: ['', 'datastream'],
    sql: ['', 'datastream', 'table'],
    cep: ['', 'datastream'],
  }

  const folderOf = (path: string): string => path.split('/')[1]
  const floorOf = (path: string): number => FLOORS.findIndex((folders) => folders.includes(folderOf(path)))
  const apiPartOf = (path: string): string => (path.split('/').length > 3 ? path.split('/')[2] : '')

  test('every folder of src/ has a floor, and src/index.ts is the only file outside of them', () => {
    const entries = readdirSync(join(root, 'src')).filter((name) => name !== 'index.ts' && name !== 'README.md')
    expect(entries.filter((name) => floorOf(`src/${name}/`) < 0)).toEqual([])
  })

  test('a folder imports only from lower floors or from itself', () => {
    const wrong: string[] = []
    for (const path of hostSources.filter((path) => path !== 'src/index.ts')) {
      for (const { specifier, line } of importsOf(read(path))) {
        if (specifier === 'millrace' || specifier.startsWith('millrace/')) wrong.push(`${path}:${line} imports its own package`)
        if (!specifier.startsWith('.')) continue
        const imported = relative(root, resolve(root, dirname(path), specifier))
        if (!imported.startsWith('src/') || imported === 'src/index.ts') wrong.push(`${path}:${line} imports ${imported}, which is on no floor`)
        else if (folderOf(imported) !== folderOf(path) && floorOf(imported) >= floorOf(path))
          wrong.push(`${path}:${line} (floor ${floorOf(path)}) imports ${imported} (floor ${floorOf(imported)})`)
        else if (
          folderOf(path) === 'api' &&
          folderOf(imported) === 'api' &&
          apiPartOf(imported) !== apiPartOf(path) &&
          API_ORDER[apiPartOf(path)]?.includes(apiPartOf(imported)) !== true
        )
          wrong.push(`${path}:${line} imports ${imported}: inside api/ the order is datastream <- table <- sql, datastream <- cep`)
      }
    }
    expect(wrong).toEqual([])
  })

  test('only src/index.ts and src/testing/index.ts re-export', () => {
    const barrels = hostSources.filter((path) => path !== 'src/index.ts' && path !== 'src/testing/index.ts' && !isGenerated(path))
    expect(barrels.filter((path) => /^export\s+(?:type\s+)?(?:\*|\{[^}]*\}\s+from)/m.test(codeOf(read(path))))).toEqual([])
  })
})

describe('bans', () => {
  interface Ban {
    readonly name: string
    readonly pattern: RegExp
    readonly instead: string
    /** Files and folders (ending in a slash) that may. */
    readonly allowed: readonly string[]
  }
  const BANS: readonly Ban[] = [
    {
      name: "the machine's clock",
      pattern: /\bDate\.now\b|\bnew Date\(\)|\bperformance\.(?:now|timeOrigin)\b|\bprocess\.hrtime\b/,
      instead: 'a Clock (base/clock.ts)',
      allowed: ['src/base/clock.ts'],
    },
    { name: 'Math.random', pattern: /\bMath\.random\b/, instead: 'a seeded generator (base/random.ts)', allowed: [] },
    { name: 'console', pattern: /\bconsole\./, instead: 'a logger that is passed in; only the command prints', allowed: ['src/cli/'] },
    {
      name: 'process.exit',
      pattern: /\bprocess\.exit\b/,
      instead: 'an error or process.exitCode; only the command ends the process',
      allowed: ['src/cli/', 'src/runtime/stray-errors.ts'],
    },
    {
      name: 'process.on',
      pattern: /\bprocess\.(?:on|once|addListener)\(/,
      instead: 'nothing: an embedded engine leaves the process alone, but for its own threads',
      allowed: ['src/cli/', 'src/runtime/stray-errors.ts'],
    },
    {
      name: 'globalThis',
      pattern: /\bglobalThis\b/,
      instead: 'a parameter: two engines live in one process',
      // For one call of a package that sets a timer, which there is no other way to leave out.
      allowed: ['src/state/lmdb-environment.ts'],
    },
    {
      name: 'setTimeout',
      pattern: /\bset(?:Timeout|Interval|Immediate)\(/,
      instead: 'the timer service, or a wake-up of the worker loop',
      allowed: ['src/base/clock.ts', 'src/ring/parking.ts', 'src/connector/', 'src/runtime/', 'src/engine/', 'src/server/', 'src/cli/', 'src/testing/'],
    },
    {
      name: "fill and copyWithin of a slab's views",
      pattern: /\b[uif](?:8|16|32|64)\.(?:fill|copyWithin)\(/,
      instead: 'slab.fill and slab.copy: over shared memory the others go byte by byte',
      // Frames lie in memories of other workers.
      allowed: ['src/batch/batch-codec.ts'],
    },
    { name: 'debugger and FIXME', pattern: /\bdebugger\b|\bFIXME\b/, instead: 'nothing', allowed: [] },
  ]

  test.each(BANS)('$name is not used, but $instead', ({ pattern, allowed }) => {
    const found: string[] = []
    for (const path of hostSources.filter((path) => !isGenerated(path) && !allowed.some((prefix) => path.startsWith(prefix)))) {
      const code = codeOf(read(path))
      for (const match of code.matchAll(new RegExp(pattern, 'g'))) found.push(`${path}:${lineAt(code, match.index)} ${match[0]}`)
    }
    expect(found).toEqual([])
  })

  test('the scanner behind the bans skips comments, strings and patterns, and sees code inside templates', () => {
    const code = codeOf("a('Date.now') // Date.now\n/* Date.now */ b(/Date.now'/g, x / y) + `Date.now ${Date.now() + `${'}'}`} Date.now`")
    expect([...code.matchAll(/Date\.now/g)]).toHaveLength(1)
    expect(code).toContain('${Date.now() + `')
    expect(
      importsOf(
        "import { a } from './a.ts'\nimport type {\n  B,\n} from 'b'\nexport * from './c.ts'\n// import './d.ts'\nconst e = await import('./e.ts')",
      ).map(({ specifier, isTypeOnly }) => [specifier, isTypeOnly]),
    ).toEqual([
      ['./a.ts', false],
      ['b', true],
      ['./c.ts', false],
      ['./e.ts', false],
    ])
  })
})

describe('tests against the built package', () => {
  /** What runs in the projects `dist`, `stress` and `crash` of test/vitest.config.ts. */
  const BUILT = ['threads', 'e2e', 'examples', 'stress', 'crash'].flatMap((folder) => filesBelow(`test/${folder}`)).filter((path) => /\.m?[jt]s$/.test(path))
  /** The ring is no part of the package's face: its stress test bundles src/ring as the build does, with the layout that the test lays out. */
  const BUNDLES_SOURCES = new Set(['test/stress/ring.stress.test.ts'])

  test('import nothing of src/ but types: threads run what users run, and one process never holds two copies of the engine', () => {
    const wrong: string[] = []
    for (const path of BUILT.filter((one) => !BUNDLES_SOURCES.has(one)))
      for (const { specifier, line, isTypeOnly } of importsOf(read(path)))
        if (!isTypeOnly && specifier.startsWith('.') && relative(root, resolve(root, dirname(path), specifier)).startsWith('src/'))
          wrong.push(`${path}:${line}`)
    expect(wrong).toEqual([])
    expect([...BUNDLES_SOURCES].filter((path) => !BUILT.includes(path))).toEqual([])
  })
})

describe('files', () => {
  /** What Node or a user starts from; the rest must be reached from here or from a test, a benchmark or an example. */
  const ENTRIES = [
    'src/index.ts',
    'src/cli/main.ts',
    'src/runtime/worker-entry.cts',
    'src/sql/sql-job.ts',
    'src/runtime/worker.ts',
    'src/runtime/coordinator-thread.ts',
    'src/testing/index.ts',
    'src/kernels/assembly/index.ts',
  ]

  test('every source file is reached from an entry, a test, a benchmark or an example', () => {
    const reached = new Set<string>()
    const visit = (path: string): void => {
      if (reached.has(path)) return
      reached.add(path)
      for (const { specifier } of importsOf(read(path))) {
        const next = target(path, specifier)
        if (next !== undefined && isTypeScript(next)) visit(next)
      }
    }
    for (const path of [...ENTRIES.filter((path) => existsSync(join(root, path))), ...programs]) visit(path)
    expect(sources.filter((path) => !reached.has(path) && !path.endsWith('.d.ts') && !isGenerated(path))).toEqual([])
  })

  test('importing the package loads nothing of SQL but what the tag and expressions are made of', () => {
    const loaded = new Set<string>()
    const visit = (path: string): void => {
      if (loaded.has(path)) return
      loaded.add(path)
      const text = read(path)
      for (const { specifier, isTypeOnly } of importsOf(text)) {
        const next = isTypeOnly || text.includes(`import('${specifier}')`) ? undefined : target(path, specifier)
        if (next !== undefined) visit(next)
      }
    }
    visit('src/index.ts')
    const small = ['call-node', 'reserved-words', 'sql-error', 'statements-url', 'tokens', 'type-text', 'user-functions', 'value-literals']
    expect([...loaded].filter((path) => path.startsWith('src/sql/')).toSorted()).toEqual(small.map((name) => `src/sql/${name}.ts`))
  })

  test('every relative import names a file that exists', () => {
    const missing: string[] = []
    for (const path of [...sources, ...programs])
      for (const { specifier, line } of importsOf(read(path)))
        if (
          specifier.startsWith('.') &&
          !specifier.includes('/dist/') &&
          !existsSync(resolve(root, dirname(path), specifier)) &&
          target(path, specifier) === undefined
        )
          missing.push(`${path}:${line} ${specifier}`)
    expect(missing).toEqual([])
  })

  test('the top level holds what the charter lists, and files whose names begin with a dot', () => {
    const allowed = new Set([
      'package.json',
      'package-lock.json',
      'tsconfig.json',
      'src',
      'bench',
      'schemas',
      'test',
      'examples',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
    ])
    expect(readdirSync(root).filter((name) => !allowed.has(name) && !name.startsWith('.') && !IGNORED.has(name))).toEqual([])
  })

  test('no file is larger than 5 MB', () => {
    expect(filesBelow('.').filter((path) => statSync(join(root, path)).size > 5e6)).toEqual([])
  })

  test('every source file opens with a comment that says what it is for', () => {
    expect(sources.filter((path) => !isGenerated(path) && !/^(?:#![^\n]*\n)?\s*\/[/*]/.test(read(path)))).toEqual([])
  })

  test('generated FlatBuffers code belongs to the schemas it was made from', () => {
    // schemas/README.md gives the command that makes both. One line per schema, as `sha256sum schemas/*.fbs` prints it.
    const schemas = filesBelow('schemas').filter((path) => path.endsWith('.fbs'))
    const hashes = schemas.map((path) => `${createHash('sha256').update(read(path)).digest('hex')}  ${path}`)
    const recorded = filesBelow('src')
      .filter((path) => path.endsWith('/generated/HASHES'))
      .flatMap((path) => read(path).split('\n').filter(Boolean))
    expect(recorded.toSorted()).toEqual(hashes.toSorted())
  })
})

describe('dependencies', () => {
  const { dependencies, devDependencies, peerDependencies = {}, scripts } = json('package.json')
  const packageOf = (specifier: string): string => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  const isPackage = (specifier: string): boolean => !specifier.startsWith('.') && !specifier.startsWith('node:') && packageOf(specifier) !== 'millrace'

  test('there are at most 14, each pinned to one version', () => {
    expect(Object.keys(dependencies).length).toBeLessThanOrEqual(14)
    expect(Object.entries({ ...dependencies, ...devDependencies }).filter(([, version]) => !/^\d+\.\d+\.\d+(?:-r\.\d+)?$/.test(version as string))).toEqual([])
  })

  test('the packages a user installs take at most 50 MB', () => {
    const { packages } = json('package-lock.json') as { packages: Record<string, { dev?: boolean; devOptional?: boolean; peer?: boolean }> }
    const size = (path: string): number => {
      const stat = statSync(path)
      if (!stat.isDirectory()) return stat.size
      return readdirSync(path).reduce((sum, name) => (name === 'node_modules' ? sum : sum + size(join(path, name))), 0)
    }
    let bytes = 0
    for (const [path, entry] of Object.entries(packages))
      if (path !== '' && entry.dev !== true && entry.devOptional !== true && existsSync(join(root, path))) bytes += size(join(root, path))
    expect(bytes).toBeGreaterThan(1e6)
    expect(bytes / 1e6).toBeLessThanOrEqual(50)
  })

  test('src/ imports no package but its dependencies and optional peers, and Node by its prefix', () => {
    const wrong: string[] = []
    for (const path of hostSources)
      for (const { specifier, line } of importsOf(read(path)))
        if (isPackage(specifier) && dependencies[packageOf(specifier)] === undefined && peerDependencies[packageOf(specifier)] === undefined)
          wrong.push(`${path}:${line} ${specifier}`)
    expect(wrong).toEqual([])
  })

  test('tests, benchmarks and examples import no package that is not declared', () => {
    const declared = { ...dependencies, ...devDependencies }
    const wrong: string[] = []
    for (const path of programs)
      for (const { specifier, line } of importsOf(read(path)))
        if (isPackage(specifier) && declared[packageOf(specifier)] === undefined) wrong.push(`${path}:${line} ${specifier}`)
    expect(wrong).toEqual([])
  })

  test('no script has a pre or post hook', () => {
    const names = Object.keys(scripts)
    expect(names.filter((name) => /^(?:pre|post)/.test(name) || name === 'prepare' || name === 'install')).toEqual([])
  })
})

describe('documents', () => {
  test('src/README.md names every folder of src/, and every path in it exists', () => {
    const text = existsSync(join(root, 'src/README.md')) ? read('src/README.md') : ''
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory() && filesBelow(`src/${entry.name}`).length > 0)
    expect(folders.map((entry) => `${entry.name}/`).filter((name) => !text.includes(`\`${name}\``) && !text.includes(`\`src/${name}\``))).toEqual([])

    const paths = [...text.matchAll(/`((?:[\w.-]+\/)+[\w.-]*)`/g)].map((match) => match[1])
    expect(paths.filter((path) => !existsSync(join(root, 'src', path)) && !existsSync(join(root, path)) && !path.startsWith('dist/'))).toEqual([])
  })

  test('README.md opens with the two commands, and every npm script that a document names exists', () => {
    const { scripts } = json('package.json')
    const readme = read('README.md')
    const opening = readme.slice(0, 3000)
    expect(opening).toContain('npm ci && npm start')
    expect(opening).toContain('npm ci && npm test')
    for (const path of ['README.md', 'src/README.md', 'schemas/README.md', 'test/budget.md'].filter((path) => existsSync(join(root, path))))
      for (const [, name] of read(path).matchAll(/\bnpm run ([\w:-]+)/g)) expect(scripts, path).toHaveProperty([name])
  })

  test('every relative link in a document leads to a file', () => {
    const documents = filesBelow('.').filter((path) => path.endsWith('.md'))
    const broken = documents.flatMap((path) =>
      // Code has brackets of its own.
      [
        ...read(path)
          .replaceAll(/^```.*?^```/gms, '')
          .matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g),
      ]
        .filter(([, link]) => !existsSync(resolve(root, dirname(path), link)))
        .map(([, link]) => `${path}: ${link}`),
    )
    expect(broken).toEqual([])
  })

  test('test/budget.md gives the tiers 60 minutes in all', () => {
    const minutes = [...read('test/budget.md').matchAll(/^\| [^|]+ \| `[^|]+` \| (\d+) \|$/gm)].map(([, share]) => Number(share))
    expect(minutes.length).toBeGreaterThan(1)
    expect(minutes.reduce((sum, share) => sum + share, 0)).toBeLessThanOrEqual(60)
  })
})
