// The socket of a job: hears what other processes of the user want of it. Runs on the coordinator's thread. Invariant: whatever comes in is answered or
// dropped, and harms neither the job nor another connection.

import { chmodSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { basename, isAbsolute, join } from 'node:path'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../base/clock.ts'
import { JobError, MillraceError, PlanError } from '../base/errors.ts'
import { failPoint } from '../base/fail-points.ts'
import {
  CONTROL_VERSION,
  type ControlAnswer,
  type ControlRequest,
  type ControlResults,
  LINE_BYTES_MAX,
  SOCKET_FILE,
  withSocketPath,
} from './control-protocol.ts'

const CONNECTIONS_MAX = 32
/** Requests of one connection that wait at once, at most. */
const WAITING_MAX = 16
/** What a connection has not taken, at most: who asks without reading is dropped. */
const UNREAD_BYTES_MAX = 1 << 20
/** How long a connection may say nothing while nothing waits for an answer. */
const SILENCE_MS_MAX = 60_000
/** How long answers may take to leave when the job has ended. */
const CLOSE_MS_MAX = 1000
/** What the names of folders begin with in which sockets are made, and how long a claim takes at most. */
const DRAFT = '.control-'
const DRAFT_MS_MAX = 3_600_000

/** Does what is asked. A promise that rejects becomes an answer. */
export type ControlHandlers = {
  readonly [Command in ControlRequest['command']]: (
    request: Extract<ControlRequest, { command: Command }>,
  ) => ControlResults[Command] | Promise<ControlResults[Command]>
}

/** Listens, first where nobody looks, then in the folder of the job once that is claimed. */
export class ControlServer {
  readonly #server: Server
  /** A folder that only the user may enter: until the socket has its mode. */
  readonly #draft: string
  readonly #handlers: ControlHandlers
  readonly #sockets = new Set<Socket>()
  #path: string | undefined

  private constructor(draft: string, handlers: ControlHandlers) {
    this.#draft = draft
    this.#handlers = handlers
    this.#server = createServer((socket) => this.#accept(socket))
    this.#server.maxConnections = CONNECTIONS_MAX
    this.#server.unref()
  }

  /**
   * @param root Folder of all jobs' folders.
   * @throws what the system throws, where there can be no socket.
   */
  static async listen(root: string, handlers: ControlHandlers): Promise<ControlServer> {
    // What killed processes have left. Whether those of others run still cannot be seen from every container.
    for (const name of readdirSync(root)) {
      const draft = join(root, name)
      const madeMs = name.startsWith(DRAFT) ? (statSync(draft, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) : Infinity
      if (systemClock.nowMs() - madeMs > DRAFT_MS_MAX) rmSync(draft, { recursive: true, force: true })
    }
    const draft = mkdtempSync(join(root, DRAFT))
    const control = new ControlServer(draft, handlers)
    try {
      await withSocketPath(root, join(basename(draft), SOCKET_FILE), async (path) => {
        const listening = once(control.#server, 'listening')
        control.#server.listen(path)
        await listening
      })
      chmodSync(join(draft, SOCKET_FILE), 0o600)
    } catch (error) {
      control.close()
      throw error
    }
    failPoint('control.listening')
    return control
  }

  /** The job's folder is this process's: here others find the socket. */
  show(folder: string): void {
    this.#path = join(folder, SOCKET_FILE)
    renameSync(join(this.#draft, SOCKET_FILE), this.#path)
    rmSync(this.#draft, { recursive: true, force: true })
    failPoint('control.shown')
  }

  /** Takes the socket away, before the folder is given up: another's may lie there then. Who is connected still gets his answer. */
  hide(): void {
    if (this.#path !== undefined) rmSync(this.#path, { force: true })
    failPoint('control.hidden')
  }

  /** Lets the answers leave that this turn brings, and ends all connections; those that do not take them in time too. */
  async end(): Promise<void> {
    await new Promise(setImmediate)
    const closed = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)))
    for (const socket of this.#sockets) socket.end()
    await Promise.race([Promise.all(closed), sleep(CLOSE_MS_MAX, undefined, { ref: false })])
    this.close()
  }

  /** Ends everything at once. */
  close(): void {
    rmSync(this.#draft, { recursive: true, force: true })
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    let waiting = 0
    socket.setTimeout(SILENCE_MS_MAX, () => waiting === 0 && socket.destroy())
    const answer = (id: unknown, text: ControlAnswer): void => {
      if (!socket.writable) return
      socket.write(`${JSON.stringify({ v: CONTROL_VERSION, id, ...text })}\n`)
      if (socket.writableLength > UNREAD_BYTES_MAX) socket.destroy()
    }
    let rest: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      for (let end = bytes.indexOf(10); end !== -1 && end <= LINE_BYTES_MAX; end = bytes.indexOf(10)) {
        const line = bytes.subarray(0, end).toString()
        bytes = bytes.subarray(end + 1)
        if (line.trim() === '') continue
        const request = readRequest(line)
        if ('error' in request) answer(request.id, request)
        else if (waiting === WAITING_MAX) answer(request.id, errorAnswer(new JobError('CONTROL_BUSY', 'Cannot do more at once: wait for the answers')))
        else {
          waiting++
          void this.#do(request.request).then((done) => {
            waiting--
            answer(request.id, done)
          })
        }
      }
      rest = bytes
      if (rest.length <= LINE_BYTES_MAX) return
      answer(null, errorAnswer(refused(`a line has more than ${LINE_BYTES_MAX} bytes`)))
      socket.destroySoon()
    })
  }

  async #do(request: ControlRequest): Promise<ControlAnswer> {
    try {
      const handler = this.#handlers[request.command] as (request: ControlRequest) => object | Promise<object>
      return { result: await handler(request) }
    } catch (error) {
      return errorAnswer(error)
    }
  }
}

/** What a line asks for, or what is wrong with it. */
function readRequest(
  line: string,
): { readonly id: unknown; readonly request: ControlRequest } | ({ readonly id: unknown } & ControlAnswer & { error: object }) {
  let id: unknown = null
  try {
    const parsed = parse(line)
    if (typeof parsed['id'] === 'number' || typeof parsed['id'] === 'string') id = parsed['id']
    return { id, request: requestOf(parsed) }
  } catch (error) {
    return { id, ...errorAnswer(error) }
  }
}

function parse(line: string): Readonly<Record<string, unknown>> {
  try {
    const parsed = JSON.parse(line) as unknown
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>
  } catch {
    // Refused below.
  }
  throw refused('it is no JSON object')
}

function requestOf({ v, command, ...fields }: Readonly<Record<string, unknown>>): ControlRequest {
  if (v !== CONTROL_VERSION) throw refused(`it has version ${JSON.stringify(v)}, and this release knows ${CONTROL_VERSION}`)
  const path = (name: string): string => {
    const value = fields[name]
    if (typeof value === 'string' && isAbsolute(value) && !value.includes('\0')) return value
    throw refused(`${name} must be an absolute path`)
  }
  switch (command) {
    case 'status':
    case 'cancel':
      return { command }
    case 'savepoint':
      return { command, directory: path('directory') }
    case 'stop':
      if (fields['drain'] !== undefined && typeof fields['drain'] !== 'boolean') throw refused('drain must be true or false')
      return { command, drain: fields['drain'] === true, ...(fields['savepoint'] !== undefined && { savepoint: path('savepoint') }) }
    default:
      throw new PlanError('UNKNOWN_COMMAND', `Cannot do ${JSON.stringify(command)}: the commands are status, cancel, stop and savepoint`)
  }
}

function refused(reason: string): PlanError {
  return new PlanError('INVALID_REQUEST', `Cannot read the request: ${reason}`)
}

function errorAnswer(error: unknown): ControlAnswer & { error: object } {
  if (!(error instanceof MillraceError)) return { error: { code: 'CONTROL_FAILED', message: error instanceof Error ? error.message : String(error) } }
  const { name, code, message, hint } = error
  return { error: { name, code, message, hint } }
}
