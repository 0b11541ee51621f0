// The file sink: lines into one file, into part files in a folder, by partition if one likes, to standard output, a named pipe or a character device.
// What it is; file-writer.ts does the writing. Made on every thread from the same program.

import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { PlanError } from '../../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../../base/option-keys.ts'
import { formatType, isObjectSchema, type LogicalType, Schema } from '../../batch/types.ts'
import type { LineFormat } from '../../format/line-format.ts'
import type { ParquetFormat } from '../../format/parquet/parquet-format.ts'
import type { OperatorContext } from '../../operator/operator.ts'
import type { Sink, SinkWriter } from '../../operator/sink.ts'
import { BulkFileWriter } from './bulk-file-writer.ts'
import { STANDARD_PATH } from './file-listing.ts'
import { FileWriter } from './file-writer.ts'
import { type PartitionCommit, partitionCommitOf, type PartitionCommitOptions, partitionCommitter } from './partition-commit.ts'
import { DEFAULT_PARTITION } from './partition-path.ts'
import { PartitionTime, type PartitionTimeExtractorOptions } from './partition-time.ts'
import { type RollingPolicy, rollingPolicyOf, type RollingPolicyOptions } from './rolling-policy.ts'

/** Options of {@link fileSink}. */
export interface FileSinkOptions {
  /**
   * A file; a folder, with a slash at its end or existing already: each subtask writes a part file in it; `-` for standard output.
   * A file and standard output have one writer, and so have a named pipe and a character device, which are written straight into. A link stays: what it leads to is written.
   */
  readonly path: string
  /** Parquet makes files of parts that are closed at each checkpoint, as well as by the rolling policy. */
  readonly format: LineFormat | ParquetFormat
  /** When a part file in a folder is closed, and gets its name with the next checkpoint. A single file is closed at the end. */
  readonly rollingPolicy?: RollingPolicyOptions
  /**
   * Columns by whose values rows are put into folders, as Hive and Flink name them: `['day', 'hour']` writes `day=2026-01-01/hour=05/part-0.json`. They
   * are left out of the rows. Types of one value only.
   */
  readonly partitionBy?: readonly string[]
  /**
   * What folders of NULL and of an empty text are named.
   * @default '__HIVE_DEFAULT_PARTITION__'
   */
  readonly partitionDefaultName?: string
  /** When a partition is complete, and a success file in it says so. Without it there are no such files. */
  readonly partitionCommit?: PartitionCommitOptions
  /** How the time of a partition is read, for the trigger `partition-time`. */
  readonly partitionTimeExtractor?: PartitionTimeExtractorOptions
}

const KEYS: OptionKeys<FileSinkOptions> = {
  path: true,
  format: true,
  rollingPolicy: true,
  partitionBy: true,
  partitionDefaultName: true,
  partitionCommit: true,
  partitionTimeExtractor: true,
}

/** Digits that tell the sinks of one folder apart. */
const LABEL_LENGTH = 8
/** Of one value each, whose text says what it is. */
const PARTITION_TYPES: ReadonlySet<LogicalType['kind']> = new Set([
  'CHAR',
  'VARCHAR',
  'BOOLEAN',
  'TINYINT',
  'SMALLINT',
  'INT',
  'BIGINT',
  'DECIMAL',
  'FLOAT',
  'DOUBLE',
  'DATE',
  'TIME',
  'TIMESTAMP',
  'TIMESTAMP_LTZ',
])

function partitionColumns(columns: readonly string[]): readonly string[] {
  if (!Array.isArray(columns) || columns.some((column) => typeof column !== 'string' || column === '') || new Set(columns).size < columns.length)
    throw new PlanError('INVALID_OPTION', `Cannot make a file sink: partitionBy must be a list of columns, each once, not ${JSON.stringify(columns)}`)
  return columns
}

/** Writes files, as {@link fileSink} describes. */
export class FileSink implements Sink {
  readonly name = 'File'
  readonly needsEventLoop = false
  readonly parallelismMax: number
  readonly path: string
  readonly format: LineFormat | ParquetFormat
  readonly isStandard: boolean
  readonly isFolder: boolean
  readonly rollingPolicy: RollingPolicy
  readonly partitionBy: readonly string[]
  readonly partitionDefaultName: string
  readonly partitionCommit: PartitionCommit | undefined
  /** Given if partitions are committed by their time. */
  readonly partitionTime: PartitionTime | undefined
  readonly committer?: Sink
  readonly folder: string | undefined
  isShared = false

  constructor(options: FileSinkOptions) {
    const { path, format, partitionBy = [], partitionDefaultName = DEFAULT_PARTITION, partitionCommit, partitionTimeExtractor } = options
    if (typeof path !== 'string' || path === '' || path.includes('\0'))
      throw new PlanError('INVALID_OPTION', `Cannot make a file sink: path must be a string, not ${JSON.stringify(path)}`)
    if (format?.kind !== 'lines' && format?.kind !== 'parquet')
      throw new PlanError('INVALID_OPTION', 'Cannot make a file sink: format must be made by jsonFormat, csvFormat or parquetFormat')
    if (format.kind === 'parquet' && path === STANDARD_PATH)
      throw new PlanError('INVALID_OPTION', 'Cannot make a file sink: Parquet is written into files, not to standard output')
    this.path = path
    this.format = format
    this.isStandard = path === STANDARD_PATH
    this.isFolder = !this.isStandard && (path.endsWith('/') || (extname(path) === '' && existsSync(path) && statSync(path).isDirectory()))
    this.folder = this.isFolder ? resolve(path) : undefined
    this.parallelismMax = this.isFolder ? Infinity : 1
    if (!this.isFolder)
      for (const option of ['rollingPolicy', 'partitionBy', 'partitionDefaultName', 'partitionCommit', 'partitionTimeExtractor'] as const)
        if (options[option] !== undefined)
          throw new PlanError(
            'INVALID_OPTION',
            `Cannot make a file sink: ${option} is for folders, and "${path}" is ${this.isStandard ? 'standard output' : 'a file'}`,
            {
              hint: 'A path that ends with a slash is a folder.',
            },
          )
    this.rollingPolicy = rollingPolicyOf(options.rollingPolicy)
    this.partitionBy = partitionColumns(partitionBy)
    const isPartitioned = this.partitionBy.length > 0
    if (typeof partitionDefaultName !== 'string' || partitionDefaultName === '')
      throw new PlanError('INVALID_OPTION', 'Cannot make a file sink: partitionDefaultName must be a text')
    this.partitionDefaultName = partitionDefaultName
    this.partitionCommit = partitionCommit === undefined ? undefined : partitionCommitOf(partitionCommit)
    if (partitionCommit !== undefined && !isPartitioned)
      throw new PlanError('INVALID_OPTION', 'Cannot make a file sink: partitionCommit needs partitions, and partitionBy names no column')
    const isByTime = this.partitionCommit?.isByWatermark === true
    if (partitionTimeExtractor !== undefined && !isByTime)
      throw new PlanError(
        'INVALID_OPTION',
        'Cannot make a file sink: partitionTimeExtractor is of use only where partitionCommit has the trigger "partition-time"',
      )
    this.partitionTime = isByTime ? new PartitionTime(this.partitionBy, partitionTimeExtractor ?? {}, partitionDefaultName) : undefined
    if (this.partitionCommit !== undefined) this.committer = partitionCommitter(path, this.partitionCommit, this.partitionTime)
  }

  /** The columns that are written into files. @throws {PlanError} if there is none, or a partition column has a type that no folder is named after. */
  writtenSchema(schema: Schema): Schema {
    if (this.partitionBy.length === 0) return schema
    if (isObjectSchema(schema))
      throw new PlanError('UNSUPPORTED_TYPE', 'Cannot write partitions of values of JavaScript: the stream has no columns', {
        hint: 'Declare them with .returns(schema).',
      })
    for (const column of this.partitionBy) {
      const { type } = schema.fields[schema.requireIndex(column)]
      if (!PARTITION_TYPES.has(type.kind))
        throw new PlanError('UNSUPPORTED_TYPE', `Cannot write partitions by column "${column}": no folder is named after ${formatType(type)}`)
    }
    const fields = schema.fields.filter(({ name }) => !this.partitionBy.includes(name))
    if (fields.length === 0) throw new PlanError('INVALID_OPTION', 'Cannot write partitions: partitionBy names all columns, and none is left for the files')
    return new Schema(fields)
  }

  /** What the names of parts have behind the number of the subtask: nothing, unless other sinks write into the same folder. */
  labelOf({ uid }: OperatorContext): string {
    return this.isShared ? `-u${createHash('sha1').update(uid).digest('hex').slice(0, LABEL_LENGTH)}` : ''
  }

  describe(): string {
    const partitions = this.partitionBy.length === 0 ? '' : `, partitions by ${this.partitionBy.join(', ')}`
    return `${this.isStandard ? 'standard output' : this.path} as ${this.format.describe()}${partitions}`
  }

  createWriter(schema: Schema, context: OperatorContext): SinkWriter {
    if (isObjectSchema(schema) && this.format.name !== 'json')
      throw new PlanError('UNSUPPORTED_TYPE', `Cannot write values of JavaScript as ${this.format.name}: the stream has no columns`, {
        hint: 'Declare them with .returns(schema).',
      })
    this.format.check(this.writtenSchema(schema))
    return this.format.kind === 'parquet' ? new BulkFileWriter(this, schema, context) : new FileWriter(this, schema, context)
  }
}

/**
 * A sink that writes records as lines, or as Parquet files.
 *
 * What is written has a name that begins with a dot and ends with `.inprogress`, which the file source passes over, until it is complete: a file when
 * the input has ended, a part of a folder when its rolling policy has closed it; with checkpoints, when one is complete that came later. A file of that
 * name is replaced then, but in a partition, where rows are added. After a failure what is in progress stays under the hidden name: a restored job goes
 * on with it, any other removes it or writes over it. What has been written to standard output, a named pipe or a device stays there. Part files of an
 * earlier run stay in their folder, where this one writes none of the same name. Sinks of one job that write into one folder have parts of other names.
 *
 * @throws {PlanError} `INVALID_OPTION`, `INVALID_DURATION`
 * @example
 * const sink = fileSink({
 *   path: 'clicks/',
 *   format: jsonFormat(),
 *   rollingPolicy: { rolloverInterval: minutes(5), onCheckpoint: true },
 *   partitionBy: ['day'],
 *   partitionCommit: { trigger: 'partition-time', delay: days(1) },
 * })
 */
export function fileSink(options: FileSinkOptions): FileSink {
  refuseUnknownOptions('make a file sink', options, KEYS)
  return new FileSink(options)
}
