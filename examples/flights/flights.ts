// The main job: three million US flights of 2001 in hourly windows by airport. Which airports had the worst hours?
//   npm start      or      millrace run examples/flights/flights.ts -- --out airport-hours.jsonl
import { fileURLToPath } from 'node:url'
import { avg, count, csvFormat, defineJob, defineSchema, fileSink, fileSource, GlobalWindows, hours, jsonFormat, listState, parquetFormat } from 'millrace'
import { printSink, type RowOfSchema, t, TumblingEventTimeWindows, valueState, WatermarkStrategy } from 'millrace'

const data = (name: string): string => fileURLToPath(new URL(`../../node_modules/vega-datasets/data/${name}`, import.meta.url))

const flight = defineSchema({ date: t.timestamp(3), delay: t.int(), origin: t.string() })
const airport = defineSchema({ iata: t.string(), name: t.string(), city: t.string() })
const figures = { windowStart: t.timestamp(3), flights: t.safeInt(), meanDelay: t.double(), shareLate: t.double() }

export default defineJob(import.meta, (env, params) => {
  const inOrder = WatermarkStrategy.forMonotonousTimestamps<RowOfSchema<typeof flight>>().withTimestampAssigner('date')
  const flights = env.fromSource(fileSource({ path: data('flights-3m.parquet'), format: parquetFormat(), schema: flight }), inOrder)
  const airports = env.from(fileSource({ path: data('airports.csv'), format: csvFormat({ header: true }), schema: airport }))

  const hourly = flights
    .withColumn('late', t.int(), (row) => (row.delay > 15 ? 1 : 0))
    .keyBy('origin')
    .window(TumblingEventTimeWindows.of(hours(1)))
    .aggregate({ flights: count(), meanDelay: avg('delay'), shareLate: avg('late') })

  // Each hour gets the name of its airport; hours that come before their airport is read wait for it.
  const home = valueState('home', t.rowOf(airport))
  const waiting = listState('waiting', t.rowOf(hourly.schema))
  const named = hourly
    .keyBy('origin')
    .connect(airports.keyBy('iata'))
    .process({
      processElement1(hour, context, out) {
        const known = context.getState(home).value()
        if (known === null) context.getState(waiting).add(hour)
        else out.collect({ ...hour, airport: known.name, city: known.city })
      },
      processElement2(row, context, out) {
        context.getState(home).update(row)
        for (const hour of context.getState(waiting).get()) out.collect({ ...hour, airport: row.name, city: row.city })
        context.getState(waiting).clear()
      },
    })
    .returns({ origin: t.string(), airport: t.string(), city: t.string(), ...figures })
  named.sinkTo(fileSink({ path: (params.out as string | undefined) ?? '.millrace/airport-hours.jsonl', format: jsonFormat() })).name('Result file')

  named
    .filter((hour) => hour.flights >= 10)
    .windowAll(GlobalWindows.createWithEndOfStreamTrigger())
    .topN(10, 'meanDelay')
    .map((hour) => {
      const when = new Date(hour.windowStart).toISOString().slice(0, 13).replace('T', ' ')
      const late = `${hour.meanDelay.toFixed(0)} min late on average, ${(hour.shareLate * 100).toFixed(0)} % more than 15 min late`
      return `${when}h  ${hour.airport}, ${hour.city}: ${hour.flights} flights, ${late}`
    })
    .sinkTo(printSink())
    .setParallelism(1)
    .name('Ten worst')
})
