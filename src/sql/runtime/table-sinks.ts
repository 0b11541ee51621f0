// The sinks of tables: which connector and format a table's options ask for.

import { suggest } from '../../base/suggest.ts'
import { blackholeSink } from '../../connector/blackhole-sink.ts'
import { fileSink, type FileSinkOptions } from '../../connector/file/file-sink.ts'
import { printSink } from '../../connector/print-sink.ts'
import type { LineFormat } from '../../format/line-format.ts'
import type { ParquetFormat } from '../../format/parquet/parquet-format.ts'
import type { Sink } from '../../operator/sink.ts'
import { minutes } from '../../operator/window/duration.ts'
import type { CatalogTable } from '../catalog.ts'
import { SqlError } from '../sql-error.ts'
import { jdbcTableSink } from './jdbc-tables.ts'
import { CONNECTORS, csvTable, jsonTable, parquetTable, TableOptions } from './table-options.ts'

/** A table's sink, and what it takes. */
export interface TableSink {
  readonly sink: Sink
  /** Whether it takes inserted rows only. */
  readonly isInsertOnly: boolean
  /** `debezium`: it takes records of changes. @default none */
  readonly envelope?: 'debezium'
  /** What to do about a query that changes rows. */
  readonly changesHint?: string
  /** Whether the rows of a key have to come in their order: to one subtask, that is. @default false */
  readonly isKeyed?: boolean
}

/**
 * The sink of a table.
 *
 * @throws {PlanError} `MISSING_OPTION`, `INVALID_OPTION`, `UNKNOWN_OPTION`, `UNKNOWN_CONNECTOR`, `NOT_A_SINK`, and what the connector throws.
 */
export function tableSink(table: CatalogTable): TableSink {
  const options = new TableOptions(table, 'write to')
  refuseMetadata(table)
  const connector = options.require('connector')
  switch (connector) {
    case 'blackhole':
      options.refuseOthers(() => false)
      return { sink: blackholeSink(), isInsertOnly: false }
    case 'print': {
      const identifier = options.text('print-identifier')
      const sink = printSink({ standardError: options.flag('standard-error'), ...(identifier !== undefined && { identifier }) })
      options.refuseOthers((key) => key === 'sink.parallelism')
      return { sink, isInsertOnly: false }
    }
    case 'filesystem':
      return filesOf(options, table)
    case 'jdbc':
      return jdbcTableSink(options, table)
    case 'datagen':
    case 'nexmark':
      return options.fail('NOT_A_SINK', `connector '${connector}' only makes rows`, 'Read this table, and write to another one.')
    default: {
      const near = suggest(connector, CONNECTORS)
      return options.fail(
        'UNKNOWN_CONNECTOR',
        `there is no connector '${connector}'`,
        near === undefined ? `There are ${CONNECTORS.join(', ')}.` : `Did you mean '${near}'?`,
      )
    }
  }
}

/** No connector takes what is no part of the rows. */
function refuseMetadata({ definition }: CatalogTable): void {
  const column = definition.columns.find((one) => one.kind === 'metadata' && !one.isVirtual)
  if (column === undefined) return
  const { origin, name } = column
  throw new SqlError('UNKNOWN_METADATA', origin.text, origin, `Metadata "${name}" cannot be written`, 'Write METADATA ... VIRTUAL for what is only read.')
}

function filesOf(options: TableOptions, table: CatalogTable): TableSink {
  const path = options.path()
  const name = options.require('format')
  const format = formatOf(name, options)
  const partitionDefaultName = options.text('partition.default-name')
  const partitionBy = table.definition.partitionedBy.map((column) => column.name)
  const isDebezium = name === 'debezium-json'
  if (isDebezium && partitionBy.length > 0) options.fail('NOT_SUPPORTED', 'changes are not written by partition', 'Leave PARTITIONED BY out.')
  const rollingPolicy = {
    fileSize: options.size('sink.rolling-policy.file-size') ?? 128 << 20,
    rolloverInterval: options.duration('sink.rolling-policy.rollover-interval') ?? minutes(30),
    inactivityInterval: options.duration('sink.rolling-policy.inactivity-interval') ?? minutes(30),
    checkInterval: options.duration('sink.rolling-policy.check-interval') ?? minutes(1),
  }
  const commit = partitionCommitOf(options)
  if (options.flag('auto-compaction')) options.fail('NOT_SUPPORTED', 'files are not compacted', "Leave 'auto-compaction' out.")
  options.refuseOthers((key) => /^(?:source|scan|compaction)\.|^sink\.(?:parallelism|shuffle-by-partition\.enable)$/.test(key))
  // A table is a folder, as in Flink.
  const sink = fileSink({
    path: path.endsWith('/') ? path : `${path}/`,
    format,
    rollingPolicy,
    ...(partitionBy.length > 0 && { partitionBy, ...(partitionDefaultName !== undefined && { partitionDefaultName }), ...commit }),
  })
  return isDebezium ? { sink, isInsertOnly: false, envelope: 'debezium' } : { sink, isInsertOnly: true }
}

function formatOf(name: string, options: TableOptions): LineFormat | ParquetFormat {
  switch (name) {
    case 'csv':
      return csvTable(options).format
    case 'json':
      return jsonTable(options, 'json').format
    case 'parquet':
      return parquetTable(options)
    case 'debezium-json':
      if (options.flag('debezium-json.schema-include'))
        options.fail('INVALID_OPTION', "'debezium-json.schema-include' is true, and schemas are not written", 'Leave it out.')
      return jsonTable(options, name).format
    default:
      return options.fail('UNKNOWN_FORMAT', `rows are not written as '${name}'`, 'Write json, csv, parquet or debezium-json.')
  }
}

/** When partitions are complete, and what is done then; without a policy nothing is. */
function partitionCommitOf(options: TableOptions): Pick<FileSinkOptions, 'partitionCommit' | 'partitionTimeExtractor'> {
  options.one('partition.time-extractor.kind', ['default'])
  options.one('sink.partition-commit.watermark-time-zone', ['UTC'])
  const policyKind = options.one('sink.partition-commit.policy.kind', ['success-file'])
  const trigger = options.one('sink.partition-commit.trigger', ['process-time', 'partition-time'])
  const delay = options.duration('sink.partition-commit.delay')
  const successFileName = options.text('sink.partition-commit.success-file.name')
  const timestampPattern = options.text('partition.time-extractor.timestamp-pattern')
  const timestampFormatter = options.text('partition.time-extractor.timestamp-formatter')
  if (policyKind === undefined) return {}
  return {
    partitionCommit: {
      policyKind,
      ...(trigger && { trigger }),
      ...(delay !== undefined && { delay }),
      ...(successFileName !== undefined && { successFileName }),
    },
    ...(trigger === 'partition-time' && {
      partitionTimeExtractor: { ...(timestampPattern !== undefined && { timestampPattern }), ...(timestampFormatter !== undefined && { timestampFormatter }) },
    }),
  }
}
