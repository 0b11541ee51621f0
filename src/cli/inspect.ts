// `millrace run --inspect`: the job on the calling thread, with an inspector open, so that breakpoints in user code hold the whole job.

import inspector from 'node:inspector'
import { systemClock } from '../base/clock.ts'
import { PlanError } from '../base/errors.ts'
import type { JobModule } from '../engine/job-bundle.ts'
import { logText } from '../engine/log-text.ts'
import { refuseCheckpoints } from '../runtime/checkpoint-options.ts'
import { LocalExecutor } from '../runtime/local-executor.ts'
import { settleUserCode } from '../runtime/stray-errors.ts'
import { ExitCode, exitCodeOf } from './error-text.ts'
import { planLocally } from './local-job.ts'
import { formatDuration } from './numbers.ts'
import { Interruption } from './interruption.ts'
import { type RunSettings, tellError } from './run.ts'
import { locateSyntaxError } from './syntax-error.ts'
import { divertStreams, type Terminal } from './terminal.ts'

const HOST_DEFAULT = '127.0.0.1'
const PORT_DEFAULT = 9229
const PORT_MAX = 65_535

/** Runs a job under an inspector. If none is open yet, opens one and waits until a debugger has attached to it. */
export async function runInspected(settings: RunSettings, address: boolean | string, terminal: Terminal): Promise<number> {
  // Before anybody attaches a debugger.
  refuseCheckpoints(new Map(Object.entries(settings.options)))
  if (inspector.url() === undefined) {
    const { host, port } = parseAddress(address)
    // Node prints the address of the inspector itself.
    terminal.say('Waiting for a debugger. Attach one: chrome://inspect, or "Attach to Node Process" in an editor.\n')
    inspector.open(port, host, true)
  }
  const interruption = new Interruption(terminal)
  const stray = new AbortController()
  process.on('uncaughtException', (error) => stray.abort(error))
  let module: JobModule | undefined
  let hasRun = false
  try {
    const startMs = systemClock.monotonicMs()
    let running: LocalExecutor | undefined
    // Standard output belongs to sinks, which write to it without this stream.
    const restoreStreams = divertStreams((text) => {
      const operator = running?.workers.map((worker) => worker.activeOperator).find((active) => active !== undefined)
      terminal.say(logText(operator?.operatorName ?? '', operator?.subtaskIndex ?? 0, text.replace(/\n$/, '')))
    })
    try {
      // One worker, unless asked for more: its steps are easier to follow.
      const { plan, built } = await planLocally(
        settings.job,
        settings.name,
        settings.parallelism ?? 1,
        settings.options,
        settings.params,
        (found) => (module = found),
      )
      refuseCheckpoints(new Map([...built.options, ...Object.entries(settings.options)]))
      hasRun = true
      running = new LocalExecutor(plan, built.graph, {
        clock: systemClock,
        options: new Map([...built.options, ...Object.entries(settings.options)]),
        ...(settings.options['millrace.batch.rows-max'] !== undefined && { batchRowsMax: Number(settings.options['millrace.batch.rows-max']) }),
        log: (operatorName, subtaskIndex, message) => terminal.say(logText(operatorName, subtaskIndex, message)),
      })
      await running.run(AbortSignal.any([interruption.signal, stray.signal]))
      await settleUserCode(systemClock)
      stray.signal.throwIfAborted()
    } finally {
      restoreStreams()
    }
    if (settings.progress !== 'quiet')
      terminal.say(`${settings.name} finished in ${formatDuration(systemClock.monotonicMs() - startMs)} on the calling thread\n`)
    return ExitCode.OK
  } catch (error) {
    if (interruption.signal.aborted) return interruption.exitCode
    tellError(await locateSyntaxError(error, module), settings, module, terminal)
    return exitCodeOf(error, hasRun)
  }
}

/** `port`, `host:port` or nothing. */
function parseAddress(address: boolean | string): { host: string; port: number } {
  if (typeof address !== 'string' || address === '') return { host: HOST_DEFAULT, port: PORT_DEFAULT }
  const match = /^(?:(.*):)?(\d+)$/.exec(address)
  const port = Number(match?.[2])
  if (match === null || port > PORT_MAX) throw new PlanError('INVALID_ARGUMENT', `Cannot open an inspector at "${address}": expected a port or host:port`)
  return { host: match[1] || HOST_DEFAULT, port }
}
