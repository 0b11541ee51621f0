// Asks the process that runs a job, over the socket in the job's folder: see control-protocol.ts. Runs on any thread.

import { createConnection } from 'node:net'
import { fromErrorRecord, JobError, MillraceError } from '../base/errors.ts'
import { CONTROL_VERSION, type ControlRequest, type ControlResults, LINE_BYTES_MAX, SOCKET_FILE, withSocketPath } from './control-protocol.ts'

/** How often the time of an answer is looked at. */
const LOOKS = 4

/** What came of it where there is no answer. */
export class NoAnswerError extends MillraceError {
  /**
   * `refused`: nobody listens, or too many wait; `silent`: it says nothing in time; `closed`: the connection has ended, as when the process does.
   */
  readonly reason: 'refused' | 'silent' | 'closed'

  constructor(reason: 'refused' | 'silent' | 'closed', message: string) {
    super('NO_ANSWER', message)
    this.reason = reason
  }
}

/**
 * Asks one thing.
 *
 * @param folder The job's.
 * @param timeoutMs How long the answer may take; Infinity where only the end of the connection counts.
 * @throws {NoAnswerError} And what the other side says is wrong, in the class that it had there.
 */
export async function askOwner<Request extends ControlRequest>(
  folder: string,
  request: Request,
  timeoutMs: number,
): Promise<ControlResults[Request['command']]> {
  const failed = (reason: NoAnswerError['reason'], what: string): NoAnswerError =>
    new NoAnswerError(reason, `Cannot ask the process that runs the job in "${folder}": ${what}`)
  return withSocketPath(
    folder,
    SOCKET_FILE,
    (path) =>
      new Promise((resolve, reject) => {
        const socket = createConnection(path)
        let looks = 0
        // An answer that came while this process itself stood still is heard before it is missed, and a long stop is one look.
        const look = (): void => {
          if (++looks < LOOKS) return
          setImmediate(() => end(() => reject(failed('silent', `it has not answered for ${timeoutMs} ms`))))
        }
        const timer = Number.isFinite(timeoutMs) ? setInterval(look, timeoutMs / LOOKS) : undefined
        const end = (settle: () => void): void => {
          clearInterval(timer)
          socket.destroy()
          settle()
        }
        let text = ''
        socket.setEncoding('utf8')
        socket.on('connect', () => socket.write(`${JSON.stringify({ v: CONTROL_VERSION, id: 1, ...request })}\n`))
        socket.on('error', (error: NodeJS.ErrnoException) => {
          // With EAGAIN too many wait to be heard.
          const reason = ['ENOENT', 'ECONNREFUSED', 'EAGAIN'].includes(String(error.code)) ? 'refused' : 'closed'
          end(() => reject(failed(reason, error.message)))
        })
        socket.on('close', () => end(() => reject(failed('closed', 'the connection has ended'))))
        socket.on('data', (chunk: string) => {
          text += chunk
          const line = text.indexOf('\n')
          if (line !== -1) end(() => settleWith(text.slice(0, line), resolve, reject))
          else if (text.length > LINE_BYTES_MAX) end(() => reject(failed('closed', 'its answer has no end')))
        })
      }),
  )
}

function settleWith<Result>(line: string, resolve: (result: Result) => void, reject: (error: Error) => void): void {
  try {
    const { result, error } = JSON.parse(line) as { result?: Result; error?: { name?: string; code: string; message: string; hint?: string } }
    if (result !== undefined) return resolve(result)
    if (error === undefined) throw new Error('it holds neither a result nor an error')
    const { name = 'JobError', code, message, hint } = error
    return reject(fromErrorRecord({ name, code, message, hint, position: undefined, stack: undefined, cause: undefined }))
  } catch (error) {
    reject(new JobError('CONTROL_FAILED', `Cannot read the answer of the process that runs the job: ${(error as Error).message}`, { cause: error }))
  }
}
