// When a part file of a folder is closed and the next one begun. Pure.

import { PlanError } from '../../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../../base/option-keys.ts'

/** When the file sink closes a part file: `sink.rolling-policy.*` of Flink's file system connector, with the defaults of its FileSink. */
export interface RollingPolicyOptions {
  /** A part has no more bytes than this, unless one record alone has: 1 or more, or Infinity. @default 128 MiB */
  readonly fileSize?: number
  /** In ms of processing time: a part that is as old is closed. Infinity: however old it is. @default 60_000 */
  readonly rolloverInterval?: number
  /** In ms of processing time: a part that has got no record for so long is closed. Infinity: never. @default 60_000 */
  readonly inactivityInterval?: number
  /** In ms: how often the two intervals are looked at. @default 60_000 */
  readonly checkInterval?: number
  /** Whether a part is closed with each checkpoint, as by Flink's OnCheckpointRollingPolicy. @default false */
  readonly onCheckpoint?: boolean
}

const KEYS: OptionKeys<RollingPolicyOptions> = { fileSize: true, rolloverInterval: true, inactivityInterval: true, checkInterval: true, onCheckpoint: true }
const FILE_BYTES_DEFAULT = 128 << 20
const INTERVAL_MS_DEFAULT = 60_000

/** The options, all of them. */
export type RollingPolicy = Required<RollingPolicyOptions>

/** The policy that the options ask for. @throws {PlanError} `INVALID_OPTION` */
export function rollingPolicyOf(options: RollingPolicyOptions = {}): RollingPolicy {
  refuseUnknownOptions('make a rolling policy', options, KEYS)
  const {
    fileSize = FILE_BYTES_DEFAULT,
    rolloverInterval = INTERVAL_MS_DEFAULT,
    inactivityInterval = INTERVAL_MS_DEFAULT,
    checkInterval = INTERVAL_MS_DEFAULT,
    onCheckpoint = false,
  } = options
  for (const [name, value] of Object.entries({ fileSize, rolloverInterval, inactivityInterval, checkInterval }))
    if (value !== Infinity && !(Number.isSafeInteger(value) && value >= 1))
      throw new PlanError('INVALID_OPTION', `Cannot make a rolling policy: ${name} must be a whole number from 1 on, or Infinity, not ${String(value)}`, {
        hint: name === 'fileSize' ? 'It is in bytes: 64 << 20 is 64 MiB.' : 'It is in milliseconds: write seconds(30) or minutes(5).',
      })
  if (typeof onCheckpoint !== 'boolean')
    throw new PlanError('INVALID_OPTION', `Cannot make a rolling policy: onCheckpoint must be true or false, not ${String(onCheckpoint)}`)
  return { fileSize, rolloverInterval, inactivityInterval, checkInterval, onCheckpoint }
}

/** Whether a part is to be closed for its age, or because nothing comes any more. */
export function isOutdated(policy: RollingPolicy, part: { readonly createdMs: number; readonly updatedMs: number }, nowMs: number): boolean {
  return nowMs - part.createdMs >= policy.rolloverInterval || nowMs - part.updatedMs >= policy.inactivityInterval
}
