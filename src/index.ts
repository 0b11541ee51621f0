// The package's public face: the only file that re-exports.

export { Millrace, LocalEnvironment, type EngineOptions, type ExecuteOptions, type LocalOptions } from './api/datastream/millrace.ts'
export { defineJob } from './api/datastream/job.ts'
export { type CloseableIterator, StreamExecutionEnvironment, type JobSettings } from './api/datastream/environment.ts'
export { DataStream, DataStreamSink } from './api/datastream/data-stream.ts'
export { KeyedStream } from './api/datastream/keyed-stream.ts'
export { WindowedStream, type BoundsOf, type WindowBounds } from './api/datastream/windowed-stream.ts'
export { BAD_RECORDS, BroadcastStream, OutputTag, Stream } from './api/datastream/stream.ts'
export { defineSchema, Decimal, formatType, Schema, t } from './batch/types.ts'
export { parseVariant, variantText } from './batch/variant.ts'
export type { DataType, Field, LogicalType, RowOf, RowOfSchema, ValueOf } from './batch/types.ts'
export { avg, count, countDistinct, first, last, max, min, sum, topN } from './operator/window/slice-aggregates.ts'
export type {
  AggregateKind,
  AggregateOf,
  AggregateResult,
  AggregateRow,
  AggregatesOf,
  AggregatesOn,
  BuiltInAggregate,
} from './operator/window/slice-aggregates.ts'
export type { ColumnOf, Comparable, Ordered, Summable, TopOptions, TopOrder } from './operator/window/slice-aggregates.ts'
export * from './operator/window/assigners.ts'
export * from './operator/window/triggers.ts'
export * from './operator/window/evictors.ts'
export { days, hours, milliseconds, minutes, seconds } from './operator/window/duration.ts'
export { GlobalWindow, TimeWindow, type Window } from './operator/window/window.ts'
export type { ProcessWindowContext, ProcessWindowFunction } from './operator/window/window-function.ts'
export { AsyncDataStream, type AsyncCall } from './api/datastream/async-data-stream.ts'
export { BroadcastConnectedStream, ConnectedStreams } from './api/datastream/connected-streams.ts'
export {
  CoGroupedStreams,
  IntervalJoin,
  IntervalJoinedStreams,
  JoinedStreams,
  WindowCoGroupedStreams,
  WindowJoinedStreams,
} from './api/datastream/joined-streams.ts'
export type { ArrowLibrary, BatchContext, BatchFunction, ColumnBatch, ColumnView } from './operator/basic/batch-operator.ts'
export type { AsyncFunction, AsyncOptions } from './operator/async/async-operator.ts'
export { AsyncRetryStrategies } from './operator/async/retry-strategy.ts'
export type { AsyncRetryStrategy, RetryPredicates } from './operator/async/retry-strategy.ts'
export type * from './operator/function.ts'
export type { ProcessJoinContext, ProcessJoinFunction } from './operator/join/interval-join-operator.ts'
export type { CoGroupFunction, JoinFunction } from './operator/window/co-group-operator.ts'
export { aggregatingState, listState, mapState, reducingState, valueState } from './state/state.ts'
export type { AggregateFunction, AggregatingState, ListState, MapState, ReducingState, StateTtlConfig, ValueState } from './state/state.ts'
export type { StateEvolution, StateOptions } from './state/state.ts'
export { WatermarkStrategy } from './time/watermark-strategy.ts'
export type { TimestampAssigner, TimestampLimits, WatermarkGenerator } from './time/watermark-strategy.ts'
export { Engine, JobHandle } from './engine/engine.ts'
export type { JobResult, SubmitOptions } from './engine/engine.ts'
export { LocalJobHandle } from './engine/local-handle.ts'
export type { InputHandle, OutputHandle, PushOptions, PushUntil } from './engine/program-handles.ts'
export type {
  ChannelMetrics,
  CheckpointMetrics,
  GcMetrics,
  JobMetrics,
  LatencyMetrics,
  OperatorTotals,
  SubtaskMetrics,
  TaskMetrics,
  WorkerMetrics,
} from './runtime/thread-messages.ts'
export { Savepoint, type SavepointEntry, type SavepointOperator, type SavepointState, type SavepointValueOf } from './checkpoint/savepoint-reader.ts'
export { type SavepointOperatorOptions, type SavepointOperatorWriter, SavepointWriter, type SavepointWriterOptions } from './checkpoint/savepoint-writer.ts'
export type { JobProgram } from './plan/job-program.ts'
export { fileSource, type FileSourceOptions } from './connector/file/file-source.ts'
export { fileSink, type FileSinkOptions } from './connector/file/file-sink.ts'
export type { PartitionCommitOptions } from './connector/file/partition-commit.ts'
export type { PartitionTimeExtractorOptions } from './connector/file/partition-time.ts'
export type { RollingPolicyOptions } from './connector/file/rolling-policy.ts'
export { asyncIterableSource, readableSource, type ReadableSourceOptions } from './connector/stream/stream-source.ts'
export type { StreamFactory, StreamInput } from './connector/stream/stream-intake.ts'
export type { OutputFactory, StreamOutput } from './connector/stream/stream-target.ts'
export { writableSink, type WritableSinkOptions } from './connector/stream/writable-sink.ts'
export { sqliteSink, type SqliteSinkOptions } from './connector/sqlite/sqlite-sink.ts'
export { postgresSink, type PostgresSinkOptions } from './connector/postgres/postgres-sink.ts'
export type { PostgresConnection } from './connector/postgres/postgres-session.ts'
export { blackholeSink } from './connector/blackhole-sink.ts'
export { printSink, type PrintSinkOptions } from './connector/print-sink.ts'
export { nexmarkSource, type NexmarkSourceOptions } from './connector/nexmark/nexmark-source.ts'
export type { NexmarkSchemas, NexmarkTable } from './connector/nexmark/nexmark-layout.ts'
export type { NexmarkOptions } from './connector/nexmark/nexmark-options.ts'
export { datagenSource } from './connector/datagen/datagen-source.ts'
export type { DatagenFieldOptions, DatagenOptions } from './connector/datagen/datagen-options.ts'
export { jsonFormat, type JsonFormatOptions } from './format/json/json-format.ts'
export { csvFormat, type CsvFormatOptions } from './format/csv/csv-format.ts'
export { textFormat, type TextFormatOptions } from './format/text-format.ts'
export { BAD_RECORD_SCHEMA, type BadRecord, type BadRecordPolicy } from './format/bad-records.ts'
export { parquetFormat } from './format/parquet/parquet-format.ts'
export { parquetSchema } from './format/parquet/parquet-file.ts'
export type { Sink, SinkWriter } from './operator/sink.ts'
export type { Source, SourceReader, SourceSplit } from './operator/source.ts'
export { aggregateFunction, overloaded, scalarFunction, tableFunction } from './sql/user-functions.ts'
export type {
  AggregateFunctionDefinition,
  AggregateFunctionOptions,
  CallValues,
  FunctionArguments,
  RowCollector,
  ScalarFunctionDefinition,
  ScalarFunctionOptions,
  TableFunctionDefinition,
  TableFunctionOptions,
  UserFunctionDefinition,
  ValuesOf,
} from './sql/user-functions.ts'
export {
  BadRecordError,
  type BadRecordPosition,
  ConnectorError,
  JobError,
  MillraceError,
  PlanError,
  RestoreError,
  StateError,
  UserFunctionError,
} from './base/errors.ts'
export { ChangelogMode } from './api/table/changelog-mode.ts'
export { StreamTableEnvironment, type AddedColumns, type FromChangelogOptions, type FromStreamOptions } from './api/table/stream-table-environment.ts'
export { GroupedTable, Table, type Change, type ChangelogOptions, type ExplainDetail, type OffsetTable, type RowKind } from './api/table/table.ts'
export { CallExpression, Expression, OrderExpression, type FrameBounds, type OverWindow, type TimeUnit } from './api/table/expression.ts'
export type {
  AnyRow,
  ArithmeticResult,
  Columns,
  ComparableTo,
  Joined,
  NullOf,
  Numeric,
  Operand,
  Padded,
  RowOfSelection,
  Selection,
  Textual,
  Valued,
  Widened,
} from './api/table/expression-types.ts'
export { fn } from './api/table/expression-functions.ts'
export { Cumulate, Hop, Session, SessionWindow, TableWindow, Tumble, UntimedWindow, type WindowColumns } from './api/table/windows.ts'
export { sql, SqlIdentifier, type SqlTable, SqlText } from './api/table/sql-text.ts'
export { SqlError, type SqlPosition } from './sql/sql-error.ts'
