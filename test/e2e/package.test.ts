// The package as Node sees it from outside: by its name, as an ES module and from CommonJS, and its command.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { version: string }

function node(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  return { status, stdout, stderr }
}

test('require() from CommonJS gives the same exports as import', () => {
  // Node 20 warns on standard error that require(esm) is experimental.
  const required = node('-e', "console.log(Object.keys(require('millrace')).filter((name) => name !== '__esModule').sort().join())")
  const imported = node('--input-type=module', '-e', "console.log(Object.keys(await import('millrace')).sort().join())")
  expect(required.stdout).toMatch(/\w/)
  expect(required).toMatchObject({ status: 0, stdout: imported.stdout })
})

test('require() from CommonJS reaches the testing entry', () => {
  const required = node('-e', "console.log(typeof require('millrace/testing'))")
  expect(required).toMatchObject({ status: 0, stdout: 'object\n' })
})

test('the command is an executable script that prints its version', () => {
  accessSync(`${root}/dist/cli.js`, constants.X_OK)
  expect(readFileSync(`${root}/dist/cli.js`, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  expect(node('dist/cli.js', '--version')).toMatchObject({ status: 0, stdout: `${version}\n` })
})

test('a build with nothing to do takes under 0.2 s of a core and prints nothing on standard output', () => {
  // It waits for nothing, so the core's time is its own; the clock's is that of all that runs meanwhile. It is told on a pipe beside the output.
  const told = "process.on('exit', () => { const { user, system } = process.cpuUsage(); fs.writeSync(3, `${(user + system) / 1000}`) })"
  const hook = `data:text/javascript,import fs from 'node:fs'; ${encodeURIComponent(told)}`
  const timesMs: number[] = []
  for (let round = 0; round < 5; round++) {
    const { status, output } = spawnSync(process.execPath, ['--import', hook, '.scripts/build.mjs', '--no-types'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    })
    expect({ status, stdout: output[1], stderr: output[2] }).toEqual({ status: 0, stdout: '', stderr: '' })
    timesMs.push(Number(output[3]))
  }
  expect(Math.min(...timesMs)).toBeGreaterThan(0)
  expect(Math.min(...timesMs)).toBeLessThan(200)
})
