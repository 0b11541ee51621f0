// `run --inspect` with a debugger attached: a breakpoint in the user's TypeScript holds the job.
import { readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { expect, test } from 'vitest'
import { Command, job } from '../fixtures/command.ts'
import { InspectorClient } from '../fixtures/inspector-client.ts'

interface ParsedScript {
  readonly scriptId: string
  readonly url: string
  readonly sourceMapURL?: string
}
interface Pause {
  readonly reason: string
  readonly callFrames: readonly {
    readonly callFrameId: string
    readonly functionName: string
    readonly location: { readonly scriptId: string; readonly lineNumber: number }
  }[]
}

/** The line of a bundle, from 0, that comes from a line of a source, from 0. */
function generatedLine(script: ParsedScript, source: string, line: number): number {
  const map = new SourceMap(JSON.parse(readFileSync(new URL(script.sourceMapURL!, script.url), 'utf8')) as never)
  const lines = readFileSync(new URL(script.url), 'utf8').split('\n')
  const found = lines.findIndex((text, index) => {
    const entry = map.findEntry(index, text.length - 1)
    return 'originalSource' in entry && entry.originalSource.endsWith(source) && entry.originalLine === line
  })
  expect(found).toBeGreaterThan(0)
  return found
}

test('a breakpoint in a TypeScript job holds it with the values of the row, each time', async () => {
  const command = new Command(['run', '--inspect=127.0.0.1:0', job('failing.ts')])
  await command.says(/Debugger listening on (ws:\S+)/)
  const debug = await InspectorClient.attach(/Debugger listening on (ws:\S+)/.exec(command.stderr)![1])
  await debug.call('Runtime.enable')
  await debug.call('Debugger.enable')
  // As debuggers do, since only a parsed script tells where its source map is: stop in front of each script that has one.
  await debug.call('Debugger.setInstrumentationBreakpoint', { instrumentation: 'beforeScriptWithSourceMapExecution' })
  await debug.call('Runtime.runIfWaitingForDebugger')
  const script = await debug.event<ParsedScript>('Debugger.scriptParsed', ({ url }) => /\/failing-[A-Z0-9]+\.mjs$/.test(url))

  const line = readFileSync(job('failing.ts'), 'utf8')
    .split('\n')
    .findIndex((text) => text.includes('row.name!.length'))
  await debug.call('Debugger.setBreakpointByUrl', { url: script.url, lineNumber: generatedLine(script, 'failing.ts', line) })
  const values: unknown[] = []
  while (values.length < 3) {
    const { reason, callFrames } = await debug.event<Pause>('Debugger.paused')
    if (reason !== 'instrumentation') {
      expect(callFrames[0]).toMatchObject({ functionName: 'nameLength', location: { scriptId: script.scriptId } })
      const { result } = await debug.call<{ result: { value?: unknown } }>('Debugger.evaluateOnCallFrame', {
        callFrameId: callFrames[0].callFrameId,
        expression: 'row.name',
      })
      values.push(result.value)
    }
    await debug.call('Debugger.resume')
  }
  expect(values).toEqual(['a', 'bb', undefined])

  // Node waits for its debugger before it leaves.
  await command.says(/Waiting for the debugger to disconnect/)
  debug.detach()
  const { status, stdout, stderr } = await command.ended
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toContain('    at nameLength (test/fixtures/jobs/failing.ts:9:20)\n')
})
