// What user code prints on a thread of a job becomes lines of the job's log. A thread that parks has no event loop, so that Node would hold its
// text back for ever, and standard output belongs to sinks. Runs on the coordinator's thread and on the workers.

import { parentPort } from 'node:worker_threads'
import { assert } from '../base/assert.ts'
import { withoutRuns } from '../base/errors.ts'

/**
 * Gives whole lines that anything on this thread prints to `log`, and no longer to whom they were given before: console, process.stdout and
 * process.stderr. Returns what sends the rest of the last line.
 */
export function divertConsole(log: (line: string) => void): () => void {
  // The streams of the main thread belong to the program around the engine.
  assert(parentPort !== null, 'only threads of the engine may be diverted')
  const flushes = [process.stdout, process.stderr].map((stream) => {
    let rest = ''
    const decoder = new TextDecoder()
    const take = (chunk: Uint8Array | string): void => {
      rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
      const end = rest.lastIndexOf('\n')
      if (end < 0) return
      log(withoutRuns(rest.slice(0, end)))
      rest = rest.slice(end + 1)
    }
    stream.write = (chunk: Uint8Array | string, encoding?: unknown, callback?: unknown): boolean => {
      take(chunk)
      const done = typeof encoding === 'function' ? encoding : callback
      if (typeof done === 'function') process.nextTick(done)
      return true
    }
    return () => {
      if (rest !== '') log(withoutRuns(rest))
      rest = ''
    }
  })
  return () => flushes.forEach((flush) => flush())
}
