// Bundles one TypeScript program of this repository (a benchmark, the body of a test thread) next to the built package in dist/, because
// Node 20 loads no TypeScript. As a script it runs the program:  node .scripts/run.mjs FILE.ts [ARGS]
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Bundles `file` to dist/run.NAME.js and returns that file's URL. Packages, `millrace` included, stay external. */
export async function bundle(file) {
  const { build } = await import('esbuild')
  const name = relative(root, resolve(file))
    .replace(/\.ts$/, '')
    .replaceAll(/[^\w-]+/g, '.')
  const outfile = join(root, 'dist', `run.${name}.js`)
  await build({
    entryPoints: [resolve(file)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    packages: 'external',
    sourcemap: true,
    logLevel: 'error',
  })
  return pathToFileURL(outfile)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.setSourceMapsEnabled(true)
  const program = await bundle(process.argv[2])
  process.argv.splice(1, 2, fileURLToPath(program))
  await import(program.href)
}
