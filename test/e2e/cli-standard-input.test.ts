// `millrace run` of a job that reads standard input, whatever that is: rows come as they are written, silence holds nobody up.
import { spawn } from 'node:child_process'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Command, job, root, scratchFolder } from '../fixtures/command.ts'

const folder = scratchFolder()
const JOB = job('standard-input.js')

function reading(...args: string[]): Command {
  return new Command(['run', JOB, '--quiet', ...args], { stdin: 'pipe' })
}

test('rows are there while the pipe is still open, the last one without a line feed', async () => {
  const command = reading()
  command.child.stdin!.write('{"id":1}\n')
  await command.prints(/\[1\]\n/)
  command.child.stdin!.write('{"id":2}\n{"id"')
  await command.prints(/\[2\]\n/)
  command.child.stdin!.end(':3}')
  const { status, stdout, stderr } = await command.ended
  expect({ status, rows: stdout.match(/\d+(?=\])/g), stderr }).toEqual({ status: 0, rows: ['1', '2', '3'], stderr: '' })
})

test('Ctrl-C ends a job whose standard input is silent', async () => {
  const command = new Command(['run', JOB], { stdin: 'pipe' })
  command.child.stdin!.write('{"id":1}\n')
  await command.prints(/\[1\]\n/)
  command.child.kill('SIGINT')
  const { status, stderr } = await command.ended
  expect(status).toBe(130)
  expect(stderr).toMatch(/was cancelled in/)
})

test('silence for longer than a worker may hang is no failure', async () => {
  const command = reading('--set', 'millrace.worker.hang-timeout=1000')
  command.child.stdin!.write('{"id":1}\n')
  await command.prints(/\[1\]\n/)
  // The timeout and a park, which it allows for; both are so long that a busy machine does not look like a worker that hangs.
  await pause(2500)
  command.child.stdin!.end('{"id":2}\n')
  expect(await command.ended).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/\[1\]\n.*\[2\]\n/) })
})

test.each(['file', 'compressed file', 'nothing', 'pipe of a shell', 'pipe of gzip'])('standard input that is a %s', async (kind) => {
  const path = join(folder, 'rows.jsonl')
  const rows = '{"id":1}\n{"id":2}\n'
  writeFileSync(path, kind === 'compressed file' ? gzipSync(rows) : rows)
  const command = `"${process.execPath}" dist/cli.js run ${JOB} --quiet`
  const input = openSync(path, 'r')
  const line = { nothing: `${command} <&-`, 'pipe of a shell': `cat "${path}" | ${command}`, 'pipe of gzip': `gzip -c "${path}" | ${command}` }[kind] ?? command
  const child = spawn('sh', ['-c', line], { cwd: root, stdio: [input, 'pipe', 'inherit'] })
  closeSync(input)
  let stdout = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  const status = await new Promise((resolve) => child.on('close', resolve))
  expect({ status, rows: stdout.match(/\d+(?=\])/g) }).toEqual({ status: 0, rows: kind === 'nothing' ? null : ['1', '2'] })
})
