#!/usr/bin/env node
// The command `millrace`. Ends the process itself, after all text was handed over: worker threads that are still closing would hold it up.

import { runCommandLine } from './command-line.ts'
import { flushTerminal, processTerminal } from './terminal.ts'

// A reader of our output that goes away (`| head`) is no error.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0)
    throw error
  })

process.exitCode = await runCommandLine(process.argv.slice(2), processTerminal)
await flushTerminal()
process.exit()
