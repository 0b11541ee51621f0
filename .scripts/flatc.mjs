// Generates code from schemas/*.fbs with `flatc` (on the PATH; Debian: flatbuffers-compiler) into the folders that use it, and gives the output
// this project's form: imports with extension, constants instead of enums, no barrel files. HASHES beside it names the schemas it was made from.
//   node .scripts/flatc.mjs
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
/** Which folder of src the code of which schemas goes to. */
const TARGETS = { batch: ['batch.fbs', 'control.fbs'], checkpoint: ['checkpoint.fbs'] }

for (const [folder, schemas] of Object.entries(TARGETS)) {
  const target = join(root, 'src', folder, 'generated')
  const output = mkdtempSync(join(tmpdir(), 'flatc-'))
  execFileSync('flatc', ['--ts', '-o', output, ...schemas.map((name) => join(root, 'schemas', name))], { stdio: 'inherit' })

  rmSync(target, { recursive: true, force: true })
  mkdirSync(target, { recursive: true })
  for (const name of readdirSync(output).sort()) {
    if (name.endsWith('_generated.ts')) continue
    const text = readFileSync(join(output, name), 'utf8')
      .replace(/from '(\.\/[^']*?)(?:\.js|\.ts)?'/g, "from '$1.ts'")
      .replace(
        /export enum (\w+) \{([^}]*)\}/g,
        (_, type, members) =>
          `export const ${type} = {${members.replace(/ = /g, ': ')}} as const;\nexport type ${type} = (typeof ${type})[keyof typeof ${type}];`,
      )
      .replace(/:(\w+) \{\n(.*return .*readUint8\(.*?\));/g, (whole, type, body) =>
        /^(number|boolean)$/.test(type) ? whole : `:${type} {\n${body} as ${type};`,
      )
    writeFileSync(join(target, name), text)
  }
  rmSync(output, { recursive: true })
  const hashOf = (name) =>
    createHash('sha256')
      .update(readFileSync(join(root, 'schemas', name)))
      .digest('hex')
  writeFileSync(join(target, 'HASHES'), schemas.map((name) => `${hashOf(name)}  schemas/${name}\n`).join(''))
}
