// The name of a job that was not given one.

import { basename } from 'node:path'

/** The file's name without its extension. */
export function jobNameOf(job: string): string {
  return basename(job).replace(/\.[cm]?[jt]sx?$/, '') || 'job'
}
