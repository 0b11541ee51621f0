// Word count over a file that grows while the job runs.
import { appendFileSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Command } from '../fixtures/command.ts'

/** The counts printed so far, by word: `+I[word, 2]`, with the subtask in front where there are several. */
function counts(printed: string): Record<string, number> {
  return Object.fromEntries([...printed.matchAll(/^(?:\d+> )?\+I\[(\p{L}+), (\d+)\]$/gmu)].map(([, word, count]) => [word, Number(count)]))
}

/** Resolves once the last count of each word is this one. @throws if the command ends before. */
async function shows(command: Command, expected: Record<string, number>): Promise<void> {
  for (;;) {
    const seen = counts(command.stdout)
    if (Object.entries(expected).every(([word, count]) => seen[word] === count)) return
    const more = new Promise<void>((resolve) => command.child.stdout!.once('data', () => resolve()))
    const ended = command.ended.then(({ status, stderr }) => {
      throw new Error(`The command ended with ${status} before it showed ${JSON.stringify(expected)}:\n${stderr}`)
    })
    await Promise.race([more, ended])
  }
}

test('words are counted as lines are appended, until the job is interrupted', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'millrace-words-')), 'words.txt')
  writeFileSync(path, 'To be, or not to be\n')
  const command = new Command(['run', 'examples/word-count/word-count.ts', '--', '--path', path])
  try {
    await shows(command, { to: 2, be: 2, or: 1, not: 1 })
    appendFileSync(path, 'that is the question: to be\nor')
    await shows(command, { to: 3, be: 3, question: 1 })
    // A line counts once it is whole.
    appendFileSync(path, ' Überraschung\n')
    await shows(command, { or: 2, überraschung: 1 })
    command.child.kill('SIGINT')
    const { status } = await command.ended
    expect(status).toBe(130)
    expect(counts(command.stdout)).toEqual({ to: 3, be: 3, or: 2, not: 1, that: 1, is: 1, the: 1, question: 1, überraschung: 1 })
  } finally {
    command.child.kill('SIGKILL')
  }
})

test('words are counted by tables and SQL, the most frequent first', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'millrace-words-')), 'words.txt')
  writeFileSync(path, 'To be, or not to be\nthat is the question: to be\n')
  const { status, stdout } = await new Command(['run', 'examples/word-count/word-count-table.ts', '--parallelism', '2', '--', '--path', path, '--limit', '4'])
    .ended
  expect(status).toBe(0)
  expect(stdout.replaceAll(/^\d+> /gm, '')).toBe('+I[be, 3]\n+I[to, 3]\n+I[is, 1]\n+I[not, 1]\n')
})
