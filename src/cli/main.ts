#!/usr/bin/env node
// The command `millrace`. Ends the process itself, after all text was handed over: worker threads that are still closing would hold it up.

import { runCommandLine } from './command-line.ts'
import { ExitCode } from './error-text.ts'
import { flushTerminal, processTerminal } from './terminal.ts'

// A reader of our output that goes away (`| head`) ends the command quietly; a disk that is full is told, if it can be.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') exit(ExitCode.OUTPUT_CLOSED)
    if (stream === process.stdout) processTerminal.say(`error: Cannot write to standard output: ${error.message}\n`)
    exit(ExitCode.JOB_FAILED)
  })

const exitCode = await runCommandLine(process.argv.slice(2), processTerminal)
await flushTerminal()
exit(exitCode)

/** An exit waits for threads that are inside a call, and runs no listeners meanwhile: signals must end the process by themselves. */
function exit(code: number): never {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeAllListeners(signal)
  process.exit(code)
}
