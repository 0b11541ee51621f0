#!/usr/bin/env node
// The command `millrace`. Ends the process itself, after all text was handed over: worker threads that are still closing would hold it up.

import { runCommandLine } from './command-line.ts'
import { ExitCode } from './error-text.ts'
import { flushTerminal, processTerminal } from './terminal.ts'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
let isExiting = false

// A reader of our output that goes away (`| head`) ends the command quietly; a disk that is full is told, if it can be.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // The process ends in a later turn.
    if (error.code === 'EPIPE') return exit(ExitCode.OUTPUT_CLOSED)
    if (stream === process.stdout) processTerminal.say(`error: Cannot write to standard output: ${error.message}\n`)
    exit(ExitCode.JOB_FAILED)
  })

const exitCode = await runCommandLine(process.argv.slice(2), processTerminal)
await flushTerminal()
exit(exitCode)

/**
 * An exit waits for threads that are inside a call, and runs no listeners meanwhile: signals must end the process by themselves. One that the system
 * has handed over and that no listener has heard would be lost with the listeners: it is heard in the next turn, and ends the process just so.
 */
function exit(code: number): void {
  if (isExiting) return
  isExiting = true
  for (const signal of SIGNALS) {
    const heard = process.listeners(signal)
    // Added first: Node drops what is on its way when a signal loses its last listener.
    process.on(signal, () => {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    })
    for (const listener of heard) process.off(signal, listener)
  }
  // Two, since the first may come in this turn, before signals are asked for.
  setImmediate(() =>
    setImmediate(() => {
      for (const signal of SIGNALS) process.removeAllListeners(signal)
      process.exit(code)
    }),
  )
}
