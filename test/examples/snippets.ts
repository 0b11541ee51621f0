// Takes code out of documents and doc comments, and makes programs of it that are type-checked against src/ and run against dist/.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { transform } from 'esbuild'
import { root } from '../fixtures/command.ts'

/** A piece of code in a document. */
export interface Snippet {
  /** `README.md:12` */
  readonly place: string
  readonly language: string
  readonly text: string
}

/** The fenced blocks of a Markdown document. */
export function fencedBlocks(path: string): readonly Snippet[] {
  const text = readFileSync(join(root, path), 'utf8')
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(({ 1: language, 2: block, index }) => ({
    place: `${path}:${text.slice(0, index).split('\n').length + 1}`,
    language,
    text: block,
  }))
}

/** The `@example` blocks of the doc comments of a source file. */
export function docExamples(path: string): readonly Snippet[] {
  const source = readFileSync(join(root, path), 'utf8')
  return [...source.matchAll(/^[ \t]*\/\*\*[\s\S]*?\*\//gm)].flatMap(({ 0: comment, index }) => {
    const lines = comment.split('\n').map((line) => line.replace(/^[ \t]*(?:\/\*\*|\*\/|\*)[ \t]?/, '').replace(/[ \t]*\*\/$/, ''))
    const from = lines.findIndex((line) => line.startsWith('@example'))
    if (from < 0) return []
    const end = lines.findIndex((line, at) => at > from && /^@\w/.test(line))
    const text = [lines[from].slice('@example'.length).trim(), ...lines.slice(from + 1, end < 0 ? undefined : end)]
      .filter((line) => !line.startsWith('```'))
      .join('\n')
    return [{ place: `${path}:${source.slice(0, index).split('\n').length + from}`, language: 'ts', text }]
  })
}

/** What `millrace` exports, values and types: the names that a fragment may use without saying where they come from. */
function exportedNames(path: string): readonly string[] {
  const index = readFileSync(join(root, path), 'utf8')
  const named = [...index.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list]) => list.split(',').map((name) => name.replace('type ', '').trim()))
  // `export * from`: what those files export.
  const starred = [...index.matchAll(/^export (?:type )?\* from '(.*)'/gm)].flatMap(([, file]) =>
    [...readFileSync(join(root, 'src', file), 'utf8').matchAll(/^export (?:abstract )?(?:class|function|const|interface|type) (\w+)/gm)].map(
      ([, name]) => name,
    ),
  )
  return [...new Set([...named, ...starred])].filter((name) => name !== '')
}

const PACKAGES: readonly (readonly [string, readonly string[]])[] = [
  ['millrace', exportedNames('src/index.ts')],
  ['millrace/testing', ['runJob', 'VirtualClock', 'Random', 'runOperatorHarness']],
  ['node:events', ['on', 'EventEmitter']],
  ['node:fs', ['createReadStream']],
  ['node:http', ['ServerResponse']],
]

/** A module of a fragment: imports of what it uses, what it builds on, and itself. Line breaks before it: as many as `linesBefore` says. */
export function fragmentModule(fragment: string, prelude: string): string {
  const used = new Set(`${prelude}\n${fragment}`.match(/\b[A-Za-z_]\w*\b/g))
  const declared = new Set(
    [...`${prelude}\n${fragment}`.matchAll(/^(?:export )?(?:declare )?(?:const|let|function|class|interface|type|async function) (\w+)/gm)].map(
      ([, name]) => name,
    ),
  )
  const imports = PACKAGES.map(([specifier, names]) => {
    const wanted = names.filter((name) => used.has(name) && !declared.has(name))
    return wanted.length === 0 ? '' : `import { ${wanted.join(', ')} } from '${specifier}'\n`
  }).join('')
  return `${imports}${prelude}\n${fragment}\nexport {}\n`
}

/** A folder of modules. */
export class Scratch {
  readonly folder = mkdtempSync(join(tmpdir(), 'millrace-snippets-'))

  constructor() {
    writeFileSync(join(this.folder, 'package.json'), '{ "type": "module" }')
    // The optional peer, as a program that uses it has it.
    this.makeFolder('node_modules')
    symlinkSync(join(root, 'node_modules/apache-arrow'), join(this.folder, 'node_modules/apache-arrow'))
  }

  write(name: string, text: string): string {
    const path = join(this.folder, name)
    writeFileSync(path, text)
    return path
  }

  /** What the compiler says to the modules of the folder (src/ is judged elsewhere); '' if nothing. */
  typeCheck(): string {
    const { compilerOptions } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')) as { compilerOptions: object }
    const options = {
      ...compilerOptions,
      noUnusedLocals: false,
      noUnusedParameters: false,
      // Types are left out of imports by the compiler: fragments do not say which names are types.
      verbatimModuleSyntax: false,
      isolatedModules: false,
      typeRoots: [join(root, 'node_modules/@types')],
      paths: { millrace: [join(root, 'src/index.ts')], 'millrace/testing': [join(root, 'src/testing/index.ts')] },
    }
    const config = this.write('tsconfig.json', JSON.stringify({ compilerOptions: options, include: ['*.ts', join(root, 'src/base/webassembly.d.ts')] }))
    const check = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', config], { encoding: 'utf8', cwd: this.folder })
    const said = check.stdout.split('\n').filter((line) => !line.startsWith('..') && !line.startsWith(' '))
    return said.join('\n') + check.stderr
  }

  /** Compiles `name.ts` to `name.js`, which imports the built package. */
  async compile(name: string): Promise<string> {
    const { code } = await transform(readFileSync(join(this.folder, `${name}.ts`), 'utf8'), { loader: 'ts', format: 'esm' })
    const built = (file: string): string => JSON.stringify(pathToFileURL(join(root, 'dist', file)).href)
    return this.write(`${name}.js`, code.replaceAll('"millrace"', built('index.js')).replaceAll('"millrace/testing"', built('testing.js')))
  }

  /** Runs a module to its end. */
  run(name: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--enable-source-maps', join(this.folder, name)], { encoding: 'utf8', cwd: this.folder })
    return { status, stdout, stderr }
  }

  makeFolder(name: string): void {
    mkdirSync(join(this.folder, name), { recursive: true })
  }
}
