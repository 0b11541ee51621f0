// What the compiler must know of streams: row types follow from schemas, wrong columns and types are errors.
import * as arrow from 'apache-arrow'
import {
  avg,
  count,
  CountTrigger,
  countDistinct,
  type DataStream,
  datagenSource,
  type Decimal,
  defineJob,
  defineSchema,
  first,
  hours,
  type KeyedStream,
  last,
  mapState,
  max,
  Millrace,
  min,
  nexmarkSource,
  type RowOfSchema,
  seconds,
  sum,
  t,
  topN,
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

const made = env.from(datagenSource(defineSchema({ id: t.int(), name: t.string() }), { fields: { name: { length: 3 } } }))
made.map((row) => holds<Same<typeof row.name, string>>())
// @ts-expect-error: there is no such column
datagenSource(defineSchema({ id: t.int() }), { fields: { nmae: { length: 3 } } })
const bids = env.from(nexmarkSource({ table: 'bid' }))
bids.map((row) => holds<Same<typeof row.price, bigint | null>>())
const prices = env.from(nexmarkSource({ table: 'bid', schema: defineSchema({ price: t.bigint() }) }))
prices.map((row) => holds<Same<typeof row.price, bigint>>())
// @ts-expect-error: there is no such table
nexmarkSource({ table: 'bids' })
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
holds<Same<typeof lengths, DataStream<number, never>>>()
const anyLengths: DataStream<number> = lengths
anyLengths.union(lengths)

rows.keyBy('user')
rows.keyBy('user', 'id')
// @ts-expect-error: there is no column `usr`
rows.keyBy('usr')
// @ts-expect-error: there is no column `usr`
rows.select('user', 'usr')
// @ts-expect-error: a timestamp column is named by a column of the row
WatermarkStrategy.forBoundedOutOfOrderness<Row>(seconds(5)).withTimestampAssigner('time')

// @ts-expect-error: a column of text holds no time
WatermarkStrategy.forBoundedOutOfOrderness<Row>(seconds(5)).withTimestampAssigner('user')
WatermarkStrategy.forBoundedOutOfOrderness<Row>(seconds(5)).withTimestampAssigner('at')
WatermarkStrategy.forBoundedOutOfOrderness<Row>(seconds(5)).withTimestampAssigner('id')
WatermarkStrategy.forBoundedOutOfOrderness<Row>(seconds(5)).withTimestampAssigner((row) => row.tags.length)

const windows = rows
  .keyBy('user')
  .window(TumblingEventTimeWindows.of(hours(1)))
  .aggregate({ rows: count(), mean: avg('price') })
windows.map((row) => {
  holds<Same<typeof row.user, string>>()
  holds<Same<typeof row.windowStart, number>>()
  holds<Same<typeof row.rows, number>>()
  holds<Same<typeof row.mean, Decimal | null>>()
  // @ts-expect-error: only the key columns are there beside the aggregates
  return row.id
})

const tumbling = rows.keyBy('user', 'id').window(TumblingEventTimeWindows.of(hours(1)))
const everything = tumbling.aggregate({
  ids: sum('id'),
  times: sum('at'),
  prices: sum('price'),
  meanId: avg('id'),
  leastUser: min('user'),
  mostPrice: max('price'),
  firstTags: first('tags'),
  lastPlace: last('place'),
  users: countDistinct('user'),
  tagged: count('tags'),
  dearest: topN(3, 'price'),
  soonest: topN(3, 'exact', { order: 'ascending', columns: ['user', 'at'] }),
})
everything.map((row) => {
  holds<Same<typeof row.id, bigint>>()
  holds<Same<typeof row.ids, bigint | null>>()
  holds<Same<typeof row.times, number | null>>()
  holds<Same<typeof row.prices, Decimal | null>>()
  holds<Same<typeof row.meanId, number | null>>()
  holds<Same<typeof row.leastUser, string | null>>()
  holds<Same<typeof row.mostPrice, Decimal | null>>()
  holds<Same<typeof row.firstTags, readonly string[] | null>>()
  holds<Same<typeof row.lastPlace, NonNullable<Row['place']> | null>>()
  holds<Same<typeof row.users, number>>()
  holds<Same<typeof row.tagged, number>>()
  holds<Same<typeof row.dearest, readonly Row[]>>()
  holds<Same<typeof row.soonest, readonly Pick<Row, 'user' | 'at'>[]>>()
  return null
})
// @ts-expect-error: there is no column `nope`
tumbling.aggregate({ x: sum('nope') })
// @ts-expect-error: text has no sum
tumbling.aggregate({ x: sum('user') })
// @ts-expect-error: an array has no order
tumbling.aggregate({ x: max('tags') })
// @ts-expect-error: there is no column `nope`
tumbling.aggregate({ x: countDistinct('nope') })
// @ts-expect-error: whether two arrays are the same is not asked
tumbling.aggregate({ x: countDistinct('tags') })
// @ts-expect-error: whether two ROWs are the same is not asked
tumbling.aggregate({ x: countDistinct('place') })
tumbling.aggregate({ x: countDistinct('exact'), y: countDistinct('price') })
// @ts-expect-error: rows are not ordered by a ROW
tumbling.aggregate({ x: topN(3, 'place') })
// @ts-expect-error: there is no column `nope`
tumbling.aggregate({ x: topN(3, 'price', { columns: ['user', 'nope'] }) })

tumbling.topN(3, 'price', { order: 'ascending' }).map((row) => row.rank + row.user.length)
// @ts-expect-error: rows are not ordered by an array
tumbling.topN(3, 'tags')
holds<Same<ReturnType<typeof tumbling.sum>, DataStream<Row>>>()
tumbling.maxBy('user').map((row) => row.at)
// @ts-expect-error: text has no sum
tumbling.sum('user')
// @ts-expect-error: there is no column `nope`
tumbling.minBy('nope')
rows.windowAll(TumblingEventTimeWindows.of(hours(1))).max('price')

rows
  .keyBy('user')
  .sum('price')
  .filter((row) => row.price !== null)
rows.keyBy('user').minBy('exact')
// @ts-expect-error: text has no sum
rows.keyBy('user').sum('user')
// @ts-expect-error: an array has no order
rows.keyBy('user').max('tags')

// The key of several columns is a tuple; what a function returns is a column of the result; a count of records has no bounds.
tumbling.apply((key) => {
  holds<Same<typeof key, readonly [string, bigint]>>()
  return []
})
rows
  .keyBy((row) => row.tags.length)
  .countWindow(3)
  .aggregate({ rows: count() })
  .map((row) => {
    holds<Same<typeof row.key, number>>()
    // @ts-expect-error: a count window has no start
    return row.windowStart
  })

rows.keyBy((row) => row.user, t.string())
// @ts-expect-error: the function returns what the type declares
rows.keyBy((row) => row.user, t.int())

const declared = rows.map((row) => ({ name: row.user, size: row.tags.length })).returns({ name: t.string(), size: t.int() })
declared.map((row) => row.size + row.name.length)
rows.map((row) => ({ name: row.user })).returns(defineSchema({ name: t.string().nullable() }))
// @ts-expect-error: the function returns no column `size`
rows.map((row) => ({ name: row.user })).returns({ name: t.string(), size: t.int() })
// @ts-expect-error: the function returns `a`
rows.map(() => ({ a: 1 })).returns({ b: t.string() })
// @ts-expect-error: the function returns a number
rows.map(() => ({ a: 1 })).returns({ a: t.string() })
// @ts-expect-error: the function may return NULL
rows.map((row) => ({ price: row.price })).returns(defineSchema({ price: t.decimal(10, 2) }))
// @ts-expect-error: a schema's columns count just the same
rows.map(() => ({ a: 1 })).returns(defineSchema({ b: t.string() }))
// What a process function collects is known only if it says so.
rows.process({ processElement: (row, _context, out) => out.collect({ name: row.user }) }).returns({ name: t.string() })

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

// Records without columns are keyed by their members.
rows
  .map((row) => ({ k: row.user, n: 1 }))
  .keyBy('k')
  .process<string>({
    processElement: (_record, context, out) => out.collect(context.getCurrentKey()),
  })

// A keyed stream is a stream.
const keyed = rows.keyBy('user')
holds<Same<ReturnType<typeof keyed.filter>, DataStream<Row>>>()
const stream: DataStream<Row> = keyed
keyed.union(stream).print()
keyed
  .map({
    open(context) {
      context.getState(total)
    },
    map: (row) => row.user.length,
  })
  .map((length) => length + 1)
rows.map({
  open(context) {
    // @ts-expect-error: state belongs to keys, and this stream has none
    context.getState(total)
  },
  map: (row) => row.user,
})
// @ts-expect-error: a map function has a method `map`
keyed.map({ filter: (row: Row) => row.user.length > 0 })

// However a stream is keyed, its windows are used alike.
declare const isByColumn: boolean
const keyedSomehow: KeyedStream<Row, string> = isByColumn ? rows.keyBy('user') : rows.keyBy((row) => row.user)
keyedSomehow
  .window(TumblingEventTimeWindows.of(hours(1)))
  .aggregate({ rows: count() })
  .map((row) => row.rows)

// What needs columns is refused where records are known to have none.
const plain = rows.map((row) => ({ user: row.user, v: row.tags.length, at: row.at }))
const pairs = plain.keyBy('user').countWindow(2)
// @ts-expect-error: the records have no columns
pairs.aggregate({ s: sum('v') })
// @ts-expect-error: the records have no columns
pairs.topN(2, 'v')
const longOnes = plain.filter((row) => row.v > 0).windowAll(TumblingEventTimeWindows.of(hours(1)))
// @ts-expect-error: the records have no columns
longOnes.trigger(CountTrigger.of(2)).aggregate({ s: sum('v') })
const elements = env.fromElements({ k: 1, v: 1 }).keyBy('k').countWindow(2)
// @ts-expect-error: the records have no columns
elements.aggregate({ s: sum('v') })
const pushed = env.input<{ k: number; v: number }>('pairs').rebalance().keyBy('k').countWindow(2)
// @ts-expect-error: the records have no columns
pushed.aggregate({ s: sum('v') })
plain
  .keyBy((row) => row.user)
  .countWindow(2)
  .aggregate({ n: count() })
  .map((row) => row.n + row.key.length)
pairs.sum('v').map((row) => row.v)
pairs.aggregate({ createAccumulator: () => ({ total: 0 }), add: (row, sums) => ({ total: sums.total + row.v }), getResult: ({ total }) => total })
const inColumns = plain.returns({ user: t.string(), v: t.int(), at: t.timestamp(3) })
inColumns
  .keyBy('user')
  .countWindow(2)
  .aggregate({ s: sum('v') })
  // Sums of integers are BIGINT; of those that fit a number they are numbers, of `t.bigint()` bigints.
  .map((row) => holds<Same<typeof row.s, number | null>>())
env
  .input('pairs', defineSchema({ v: t.int() }))
  .windowAll(TumblingEventTimeWindows.of(hours(1)))
  .aggregate({ s: sum('v') })

const byColumn = WatermarkStrategy.forMonotonousTimestamps<{ user: string; v: number; at: number }>().withTimestampAssigner('at').withIdleness(seconds(1))
// @ts-expect-error: the records have no columns
plain.assignTimestampsAndWatermarks(byColumn)
inColumns.assignTimestampsAndWatermarks(byColumn)
const byFunction = WatermarkStrategy.forMonotonousTimestamps<{ at: number }>().withTimestampAssigner((row) => row.at)
plain.assignTimestampsAndWatermarks(byFunction).keyBy('user')
// A strategy of which only the records are said may be any.
const someStrategy: WatermarkStrategy<{ at: number }> = byFunction
plain.assignTimestampsAndWatermarks(someStrategy)

// Joins know both records, and want keys of one type.
const joined = rows
  .join(declared)
  .where('user')
  .equalTo('name')
  .window(TumblingEventTimeWindows.of(hours(1)))
holds<Same<ReturnType<typeof joined.trigger>, typeof joined>>()
const sizes = joined.apply((left, right) => left.tags.length + right.size)
holds<Same<typeof sizes, DataStream<number>>>()
joined.apply<string>((left, right, out) => out.collect(left.user + right.name))
rows
  .join(declared)
  .where((row) => row.user)
  .equalTo((row) => row.name)
const byUser = rows.join(declared).where('user')
// @ts-expect-error: a text is no number
byUser.equalTo('size')
// @ts-expect-error: a text is no number
byUser.equalTo((row) => row.size)
// @ts-expect-error: there is no column `user`
byUser.equalTo('user')
rows
  .coGroup(declared)
  .where('user')
  .equalTo('name')
  .window(TumblingEventTimeWindows.of(1))
  .apply<number>({
    coGroup: (left, right, out) => out.collect(left.length + right.length),
  })
keyed.intervalJoin(declared.keyBy('name')).between(-seconds(1), 0)
// @ts-expect-error: a text is no number
keyed.intervalJoin(declared.keyBy('size'))

rows
  .connect(declared)
  .keyBy('user', 'name')
  .map(
    (row) => row.user,
    (row) => row.name,
  )
rows.connect(declared).keyBy(['user'], ['name'])
rows.connect(declared).keyBy(
  (row) => row.user,
  (row) => row.name,
)
// @ts-expect-error: a text is no number
rows.connect(declared).keyBy('user', 'size')

// @ts-expect-error: a union takes streams of the same rows
rows.union(lengths)

export default defineJob(import.meta, (jobEnv, params) => {
  // @ts-expect-error: parameters are unknown until they are checked
  jobEnv.setParallelism(params.parallelism)
})
