// The sinks of tables: which connector and format a table's options ask for.

import { suggest } from '../../base/suggest.ts'
import { blackholeSink } from '../../connector/blackhole-sink.ts'
import { fileSink } from '../../connector/file/file-sink.ts'
import { printSink } from '../../connector/print-sink.ts'
import type { Sink } from '../../operator/sink.ts'
import type { CatalogTable } from '../catalog.ts'
import { CONNECTORS, csvTable, jsonTable, TableOptions } from './table-options.ts'

/** A table's sink, and what it takes. */
export interface TableSink {
  readonly sink: Sink
  /** Whether it takes inserted rows only. */
  readonly isInsertOnly: boolean
}

/**
 * The sink of a table.
 *
 * @throws {PlanError} `MISSING_OPTION`, `INVALID_OPTION`, `UNKNOWN_OPTION`, `UNKNOWN_CONNECTOR`, `NOT_A_SINK`, and what the connector throws.
 */
export function tableSink(table: CatalogTable): TableSink {
  const options = new TableOptions(table, 'write to')
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
      return { sink: filesOf(options, table), isInsertOnly: true }
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

function filesOf(options: TableOptions, table: CatalogTable): Sink {
  const path = options.require('path').replace(/^file:\/\//, '')
  const name = options.require('format')
  if (name !== 'json' && name !== 'csv') options.fail('UNKNOWN_FORMAT', `rows are not written as '${name}'`, 'Write json or csv.')
  const { format } = name === 'csv' ? csvTable(options) : jsonTable(options, 'json')
  const partitionBy = table.definition.partitionedBy.map((column) => column.name)
  options.refuseOthers((key) => /^(?:json|csv|sink|source|scan|partition|auto-compaction|compaction)\./.test(key))
  // A table is a folder, as in Flink.
  return fileSink({ path: path.endsWith('/') ? path : `${path}/`, format, ...(partitionBy.length > 0 && { partitionBy }) })
}
