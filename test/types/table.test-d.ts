// What the compiler must know of tables: rows follow from schemas and expressions; wrong columns, operands and values are errors.
import {
  type Change,
  type DataStream,
  type Decimal,
  defineSchema,
  fn,
  hours,
  Millrace,
  minutes,
  type RowKind,
  Session,
  sql,
  StreamTableEnvironment,
  t,
  type Table,
  Tumble,
} from 'millrace'

/** Fails to compile unless both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const holds = <T extends true>(_proof?: T): void => {}
/** The rows of a table, spelled out. */
type RowsOf<T> = T extends Table<infer R> ? { readonly [K in keyof R]: R[K] } : never

const schema = defineSchema({
  id: t.bigint(),
  user: t.string(),
  count: t.int(),
  price: t.decimal(10, 2).nullable(),
  isOpen: t.boolean(),
  at: t.timestamp(3),
  tags: t.array(t.string()),
  scores: t.map(t.string(), t.int()),
  place: t.row({ x: t.double(), y: t.double() }).nullable(),
})
const env = Millrace.local()
const tables = await StreamTableEnvironment.create(env)
const orders = tables.from('orders', schema)

const selected = orders.select((order) => ({
  id: order.id,
  sum: order.count.plus(1),
  half: order.count.times(0.5),
  more: order.id.plus(1),
  mixed: order.id.plus(0.5),
  cost: order.price.times(2),
  isDear: order.price.gt(10),
  isEarly: order.at.lt(new Date()),
  name: order.user.upper().concat('!'),
  length: order.user.charLength(),
  text: order.count.cast(t.string()),
  tried: order.user.tryCast(t.int()),
  first: order.tags.at(1),
  score: order.scores.at('a'),
  x: order.place.field('x'),
  known: order.price.ifNull(order.price),
  one: 1,
  word: 'a',
  when: fn.ifThenElse(order.isOpen, 'yes', null),
  called: fn.call<string>('MD5', order.user),
}))
type Selected = RowsOf<typeof selected>
holds<Same<Selected['id'], bigint>>()
holds<Same<Selected['sum'], number>>()
holds<Same<Selected['half'], number>>()
holds<Same<Selected['more'], bigint>>()
holds<Same<Selected['mixed'], number | bigint>>()
holds<Same<Selected['cost'], Decimal | null>>()
holds<Same<Selected['isDear'], boolean | null>>()
holds<Same<Selected['isEarly'], boolean>>()
holds<Same<Selected['name'], string>>()
holds<Same<Selected['length'], number>>()
holds<Same<Selected['text'], string>>()
holds<Same<Selected['tried'], number | null>>()
holds<Same<Selected['first'], string | null>>()
holds<Same<Selected['score'], number | null>>()
holds<Same<Selected['x'], number | null>>()
holds<Same<Selected['known'], Decimal | null>>()
holds<Same<Selected['one'], number>>()
holds<Same<Selected['word'], string>>()
holds<Same<Selected['when'], string | null>>()
holds<Same<Selected['called'], string>>()

// @ts-expect-error: there is no such column
orders.select((order) => ({ a: order.ids }))
// @ts-expect-error: there is no such column
orders.select('ids')
// @ts-expect-error: a text is not added to
orders.select((order) => ({ a: order.user.plus(1) }))
// @ts-expect-error: a number is not compared with a text
orders.where((order) => order.count.gt('1'))
// @ts-expect-error: a number is like no pattern
orders.where((order) => order.count.like('1'))
// @ts-expect-error: a condition is an expression
orders.where((order) => order.count === 1)
// @ts-expect-error: a number is no condition
orders.where((order) => order.count)
// @ts-expect-error: expressions are no numbers
orders.select((order) => ({ a: order.count * 2 }))

holds<Same<RowsOf<ReturnType<typeof orders.distinct>>['at'], number>>()
const picked = orders.select('id', 'user')
holds<Same<RowsOf<typeof picked>, { readonly id: bigint; readonly user: string }>>()

const groups = orders.groupBy('user').aggregate((order) => ({ orders: fn.count(), total: order.count.sum(), dear: order.price.max().filter(order.isOpen) }))
holds<Same<RowsOf<typeof groups>, { readonly user: string; readonly orders: bigint; readonly total: number | null; readonly dear: Decimal | null }>>()
const named = orders.groupBy((order) => ({ initial: order.user.substring(1, 1) })).select((order) => ({ initial: order.initial, all: order.user.listAgg() }))
holds<Same<RowsOf<typeof named>, { readonly initial: string; readonly all: string | null }>>()
// @ts-expect-error: there is no such column
orders.groupBy('users')

const windows = orders
  .window(Tumble.over(minutes(1)).on('at'))
  .groupBy('window_start', 'window_end')
  .aggregate(() => ({ n: fn.count() }))
holds<Same<RowsOf<typeof windows>, { readonly window_start: number; readonly window_end: number; readonly n: bigint }>>()
orders.window(Session.withGap(hours(1)).on('at', 'user'))
// @ts-expect-error: there is no such column
orders.window(Tumble.over(minutes(1)).on('when'))

const people = tables.from('people', defineSchema({ name: t.string(), city: t.string() }))
const pairs = orders.leftJoin(people, (order, person) => order.user.eq(person.name))
holds<Same<RowsOf<typeof pairs>['city'], string | null>>()
holds<Same<RowsOf<typeof pairs>['user'], string>>()
const cities = orders.rightJoin(
  people,
  (order, person) => order.user.eq(person.name),
  (order, person) => ({ id: order.id, city: person.city }),
)
holds<Same<RowsOf<typeof cities>, { readonly id: bigint | null; readonly city: string }>>()

holds<Same<RowsOf<ReturnType<typeof people.rename<{ city: 'town' }>>>, { readonly name: string; readonly town: string }>>()
const dropped = people.dropColumns('city')
holds<Same<RowsOf<typeof dropped>, { readonly name: string }>>()
const added = people.addColumns((person) => ({ length: person.name.charLength() }))
holds<Same<RowsOf<typeof added>['length'], number>>()
people.orderBy((person) => [person.name.desc(), person.city]).limit(3)
const total = orders.select((order) => ({ total: order.count.sum().over({ partitionBy: order.user, orderBy: order.at }) }))
holds<Same<RowsOf<typeof total>, { readonly total: number | null }>>()

const stream: DataStream<{ readonly name: string; readonly city: string }> = people.toDataStream()
const changes = groups.toChangelogStream()
changes.map((change) => {
  holds<Same<typeof change.rowKind, RowKind>>()
  holds<Same<typeof change.orders, bigint>>()
})
const timed = tables.fromDataStream(stream, { rowtime: 'at', proctime: 'now' })
holds<Same<RowsOf<typeof timed>, { readonly name: string; readonly city: string; readonly at: number; readonly now: number }>>()
declare const given: DataStream<Change<{ readonly id: number }>>
const changed = tables.fromChangelogStream(given, { primaryKey: ['id'] })
holds<Same<RowsOf<typeof changed>, { readonly id: number }>>()
// @ts-expect-error: a table of changes knows the kinds of rows
tables.fromChangelogStream(stream)

const gathered = tables.fromDataStream(
  {} as DataStream<{
    readonly id: number
    readonly tags: readonly string[] | null
    readonly points: ReadonlyMap<string, bigint>
    readonly lines: readonly { readonly count: number }[]
  }>,
)
const tags = gathered.unnest((row) => row.tags, 'tag').select('id', 'tag')
holds<Same<RowsOf<typeof tags>, { readonly id: number; readonly tag: string }>>()
const points = gathered.leftUnnest((row) => row.points, 'name', 'n').select('name', 'n')
holds<Same<RowsOf<typeof points>, { readonly name: string | null; readonly n: bigint | null }>>()
const lines = gathered.unnest((row) => row.lines).select('count')
holds<Same<RowsOf<typeof lines>, { readonly count: number }>>()
// @ts-expect-error: that is no collection
gathered.unnest((row) => row.id, 'x')
const versions = people.joinAsOf(
  orders,
  'name',
  (person, order) => order.id.eq(1n).and(person.name.eq('x')),
  (person, order) => ({ name: person.name, id: order.id }),
)
holds<Same<RowsOf<typeof versions>, { readonly name: string; readonly id: bigint }>>()
// @ts-expect-error: there is no such column
people.leftJoinAsOf(orders, 'nothing', (person) => person.name.eq('x'))

const untyped = tables.sqlQuery(sql`SELECT * FROM ${orders} WHERE id > ${1n}`)
untyped.where((row) => row.price.gt(1)).select((row) => ({ any: row.thing.plus(1) }))
const typed = tables.sqlQuery(sql`SELECT name FROM ${people}`, defineSchema({ name: t.string() }))
holds<Same<RowsOf<typeof typed>, { readonly name: string }>>()
