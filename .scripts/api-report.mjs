// The public API as one text, test/api-report.md: every declaration that index.ts and testing/index.ts export, without its comments, in the
// order of the names. A change of the API is then a change of a file that reviewers see. Reads the built declarations in dist/types as text.
//   node .scripts/api-report.mjs [--write]     without --write: fails if the checked-in report is not what the declarations say
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const types = join(root, 'dist/types')
const reportPath = join(root, 'test/api-report.md')
const ENTRIES = { millrace: 'index.d.ts', 'millrace/testing': 'testing/index.d.ts' }

/** Removes comments; strings and template literal types may contain what looks like one. */
const withoutComments = (text) =>
  text.replaceAll(/('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (_, literal) => literal ?? '')

const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0)

const modules = new Map()

/** What one declaration file declares, imports and exports. */
function load(path) {
  const known = modules.get(path)
  if (known !== undefined) return known
  const module = { path, declarations: new Map(), imports: new Map(), exports: new Map(), stars: [] }
  modules.set(path, module)
  const lines = withoutComments(readFileSync(path, 'utf8'))
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^\s+(?:private\b|#private)/.test(line))
  // tsc begins each top-level statement, and nothing else, at the left margin with a word.
  const statements = lines.join('\n').split(/\n(?=(?:export|declare|import|interface|type|class)\b)/)
  for (const statement of statements) {
    const from = /\bfrom ['"](\.[^'"]+)['"];?$/.exec(statement)?.[1]
    const target = from && join(dirname(path), from.replace(/(?:\.[jt]s)?$/, '.d.ts'))
    const names = /^(?:import|export) (?:type )?\{([^}]*)\}/.exec(statement)?.[1]
    if (names !== undefined) {
      for (const [, name, alias] of names.matchAll(/(?:type )?([\w$]+)(?: as ([\w$]+))?/g)) {
        const local = statement.startsWith('import')
        ;(local ? module.imports : module.exports).set(alias ?? name, { target: target ?? (local ? undefined : path), name })
      }
    } else if (/^export \* as /.test(statement)) module.exports.set(/as ([\w$]+)/.exec(statement)[1], { target, name: '*' })
    else if (/^export \*/.test(statement)) module.stars.push(target)
    else {
      const name = /^(?:export )?(?:default )?(?:declare )?(?:abstract )?(?:class|function|const|let|var|interface|type|namespace) ([\w$]+)/.exec(
        statement,
      )?.[1]
      if (name === undefined) continue
      module.declarations.set(name, [...(module.declarations.get(name) ?? []), statement.replace(/^export (?:declare )?|^declare /, '').trimEnd()])
      if (statement.startsWith('export default')) module.exports.set('default', { target: path, name })
      else if (statement.startsWith('export')) module.exports.set(name, { target: path, name })
    }
  }
  return module
}

/** Where `name`, as `path` exports or uses it, is declared; undefined for names of packages and of the language. */
function locate(path, name, local = false) {
  const module = load(path)
  if (local) {
    if (module.declarations.has(name)) return { path, name }
    const imported = module.imports.get(name)
    return imported?.target && locate(imported.target, imported.name)
  }
  const exported = module.exports.get(name)
  if (exported?.target === path) return locate(path, exported.name, true)
  if (exported?.target !== undefined) return exported.name === '*' ? { path: exported.target, name: '*' } : locate(exported.target, exported.name)
  for (const star of module.stars) {
    const found = locate(star, name)
    if (found !== undefined) return found
  }
  return undefined
}

function exportedNames(path) {
  const { exports, stars } = load(path)
  return [...new Set([...exports.keys(), ...stars.flatMap(exportedNames)])].toSorted(byText)
}

const published = new Set()
const named = new Map()

function describe(path, prefix = '') {
  return exportedNames(path).flatMap((name) => {
    const found = locate(path, name)
    if (found === undefined) return [`// ${prefix}${name} comes from a package`]
    if (found.name === '*') return describe(found.path, `${prefix}${name}.`)
    published.add(`${found.path}#${found.name}`)
    const statements = load(found.path).declarations.get(found.name)
    for (const [word] of statements.join('\n').matchAll(/[A-Za-z_$][\w$]*/g)) {
      const used = locate(found.path, word, true)
      if (used !== undefined) named.set(`${used.path}#${used.name}`, used)
    }
    const note = prefix !== '' || found.name !== name ? [`// exported as ${prefix}${name}`] : []
    return [...note, ...statements]
  })
}

const parts = ['# The public API\n\nWritten by `npm run api-report`; `npm run check` compares it.\n']
for (const [entry, file] of Object.entries(ENTRIES)) {
  if (!existsSync(join(types, file))) continue
  parts.push(`## \`${entry}\`\n\n\`\`\`ts\n${describe(join(types, file)).join('\n')}\n\`\`\`\n`)
}
const hidden = [...named]
  .filter(([key]) => !published.has(key))
  .map(([, { path, name }]) => `- \`${name}\` of \`${relative(types, path).replace(/\.d\.ts$/, '.ts')}\``)
if (hidden.length > 0) parts.push(`## Named above, not exported\n\n${hidden.toSorted(byText).join('\n')}\n`)
const report = parts.join('\n')

if (process.argv.includes('--write')) writeFileSync(reportPath, report)
else if (!existsSync(reportPath) || readFileSync(reportPath, 'utf8') !== report) {
  process.stderr.write('The public API is not what test/api-report.md says: run `npm run api-report` and look at the difference\n')
  process.exitCode = 1
}
