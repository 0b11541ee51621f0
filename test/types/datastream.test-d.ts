// What the compiler must know of streams: row types follow from schemas, wrong columns and types are errors.
import * as arrow from 'apache-arrow'
import {
  avg,
  count,
  type DataStream,
  type Decimal,
  defineJob,
  defineSchema,
  hours,
  mapState,
  Millrace,
  type RowOfSchema,
  seconds,
  t,
  TumblingEventTimeWindows,
  valueState,
  WatermarkStrategy,
} from 'millrace'

/** Fails to compile unless both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const holds = <T extends true>(_proof?: T): void => {}

const schema = defineSchema({
  id: t.bigint(),
  user: t.string(),
  price: t.decimal(10, 2).nullable(),
  at: t.timestamp(3),
  exact: t.timestamp(9),
  tags: t.array(t.string()),
  place: t.row({ x: t.double(), y: t.double() }).nullable(),
})
type Row = RowOfSchema<typeof schema>
holds<Same<Row['id'], bigint>>()
holds<Same<Row['price'], Decimal | null>>()
holds<Same<Row['at'], number>>()
holds<Same<Row['exact'], bigint>>()
holds<Same<Row['tags'], readonly string[]>>()
holds<Same<NonNullable<Row['place']>['x'], number>>()

const env = Millrace.local()
const rows = env.fromCollection<Row>([], schema)
holds<Same<typeof rows, DataStream<Row>>>()

rows.filter((row) => row.user.length > 0)
// @ts-expect-error: there is no column `usr`
rows.filter((row) => row.usr.length > 0)
// @ts-expect-error: a filter answers with a boolean
rows.filter((row) => row.user)
// @ts-expect-error: rows are read-only
rows.map((row) => (row.user = 'x'))

const lengths = rows.map((row) => row.user.length)
holds<Same<typeof lengths, DataStream<number>>>()

rows.keyBy('user')
rows.keyBy('user', 'id')
// @ts-expect-error: there is no column `usr`
rows.keyBy('usr')
// @ts-expect-error: there is no column `usr`
rows.select('user', 'usr')
// @ts-expect-error: a timestamp column is named by a column of the row
WatermarkStrategy.forBoundedOutOfOrderness<Row>(seconds(5)).withTimestampAssigner('time')

const windows = rows
  .keyBy('user')
  .window(TumblingEventTimeWindows.of(hours(1)))
  .aggregate({ rows: count(), mean: avg('price') })
windows.map((row) => {
  holds<Same<typeof row.user, string>>()
  holds<Same<typeof row.windowStart, number>>()
  holds<Same<typeof row.rows, number>>()
  holds<Same<typeof row.mean, number | null>>()
  // @ts-expect-error: only the key columns are there beside the aggregates
  return row.id
})

const declared = rows.map((row) => ({ name: row.user })).returns({ name: t.string(), size: t.int() })
declared.map((row) => row.size + row.name.length)

rows.withColumn('late', t.int(), (row) => row.tags.length).map((row) => row.late + row.at)
// @ts-expect-error: the function returns what the column declares
rows.withColumn('late', t.int(), (row) => row.user)

const total = valueState('total', t.double())
rows.keyBy('user').process<string>({
  processElement(row, context, out) {
    holds<Same<ReturnType<typeof context.getCurrentKey>, string>>()
    const state = context.getState(total)
    state.update((state.value() ?? 0) + row.tags.length)
    // @ts-expect-error: the state holds numbers
    state.update(row.user)
    out.collect(row.user)
    // @ts-expect-error: the results are strings
    out.collect(1)
  },
})

rows.processBatch<number>((batch, out) => {
  const shared = batch.toArrow(arrow)
  holds<Same<typeof shared, arrow.RecordBatch>>()
  out.collect(shared.numRows)
  // @ts-expect-error: the program brings the module
  batch.toArrow()
  // @ts-expect-error: it is the module that is wanted
  batch.toArrow(arrow.Table)
})
const limits = mapState('limits', t.string(), t.double())
rows
  .keyBy('user')
  .connect(lengths.broadcast(limits))
  .process<string>({
    processElement(row, context) {
      const limit: number | null = context.getBroadcastState(limits).get(row.user)
      // @ts-expect-error: only the broadcast side changes broadcast state
      context.getBroadcastState(limits).put(row.user, limit ?? 0)
    },
    processBroadcastElement: (length, context) => context.getBroadcastState(limits).put('any', length),
  })

// @ts-expect-error: a union takes streams of the same rows
rows.union(lengths)

export default defineJob(import.meta, (jobEnv, params) => {
  // @ts-expect-error: parameters are unknown until they are checked
  jobEnv.setParallelism(params.parallelism)
})
