// Numbers what it has seen of each key. The numbers come from the program, or from a file into a file; with `slow` each of them takes its time.
import { defineJob, defineSchema, fileSink, fileSource, jsonFormat, max, seconds, t, TumblingEventTimeWindows, valueState, WatermarkStrategy } from 'millrace'

const NUMBER = defineSchema({ n: t.int(), at: t.timestamp(3) })
const seen = valueState('seen', t.int())
const isSilent = new Int32Array(new SharedArrayBuffer(4))

export default defineJob(import.meta, (env, params) => {
  const [input, output] = [String(params.input), String(params.output)]
  const numbers =
    params.input === undefined
      ? env.input('numbers', NUMBER)
      : env.fromSource(
          fileSource({ path: input, format: jsonFormat(), schema: NUMBER, splitBytes: 2 ** 14, readBytes: 512 }),
          WatermarkStrategy.forMonotonousTimestamps().withTimestampAssigner('at'),
        )
  const counts = numbers
    .keyBy((row) => row.n % 10)
    .process({
      processElement({ n, at }, context, out) {
        if (params.slow) Atomics.wait(isSilent, 0, 0, 1)
        const state = context.getState(seen)
        state.update((state.value() ?? 0) + 1)
        out.collect({ n, at, seen: state.value() })
      },
    })
    .returns({ n: t.int(), at: t.timestamp(3), seen: t.int() })
    .uid('counts')
  if (params.output === undefined) return void counts.output('counts')
  counts.sinkTo(fileSink({ path: `${output}/counts/`, format: jsonFormat() })).uid('counts file')
  counts
    .windowAll(TumblingEventTimeWindows.of(seconds(1)))
    .aggregate({ most: max('n') })
    .sinkTo(fileSink({ path: `${output}/seconds.jsonl`, format: jsonFormat() }))
    .uid('seconds file')
})
