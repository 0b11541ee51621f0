// Bad records as lines of JSON at the end of a file. Every reader has the file open for itself: lines are appended by one write each time, so
// readers on several threads do not mix them up.

import { closeSync, openSync, writeSync } from 'node:fs'
import { isUtf8 } from 'node:buffer'
import { dirname } from 'node:path'
import { makeFolder } from '../../base/make-folder.ts'
import { ConnectorError } from '../../base/errors.ts'
import type { BadRecord, BadRecordPolicy, DeadLetterTarget } from '../../format/bad-records.ts'

/** A file of dead letters; made when the first one comes. */
export class DeadLetterFile implements DeadLetterTarget {
  readonly #path: string
  #file: number | undefined

  constructor(path: string) {
    this.#path = path
  }

  /** Finds out before a job runs whether letters could be written. @throws {ConnectorError} `FILE_NOT_WRITABLE` */
  static check(path: string): void {
    closeSync(openForLetters(path))
  }

  keep(letters: readonly BadRecord[]): void {
    this.#file ??= openForLetters(this.#path)
    const bytes = Buffer.from(letters.map(lineOf).join(''))
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at)
    } catch (error) {
      throw new ConnectorError('FILE_WRITE', `Cannot write to "${this.#path}": ${(error as Error).message}`, { cause: error })
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }
}

function openForLetters(path: string): number {
  try {
    makeFolder(dirname(path))
    return openSync(path, 'a')
  } catch (error) {
    throw new ConnectorError('FILE_NOT_WRITABLE', `Cannot write dead letters to "${path}": ${(error as Error).message}`, { cause: error })
  }
}

function lineOf({ file, line, offset, reason, raw, truncated }: BadRecord): string {
  const record = raw === null ? {} : isUtf8(raw) ? { text: Buffer.from(raw).toString() } : { base64: Buffer.from(raw).toString('base64') }
  return `${JSON.stringify({ file, line, offset, reason, truncated, ...record })}\n`
}

/** Refuses a path of dead letters that is none, or that nothing would be written to. */
export function checkDeadLetters(policy: BadRecordPolicy, path: string | undefined, refuse: (reason: string) => never): void {
  if (path === undefined) return
  if (typeof path !== 'string' || path === '' || path.includes('\0')) refuse(`deadLetterPath must be a path, not ${JSON.stringify(path)}`)
  if (policy !== 'dead-letter') refuse("deadLetterPath needs onBadRecord: 'dead-letter'")
}
