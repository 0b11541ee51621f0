// The input of the crash tests, as their jobs read it.
import { defineSchema, fileSource, jsonFormat, t, WatermarkStrategy } from 'millrace'

export const RECORD = defineSchema({ key: t.string(), seq: t.int(), at: t.timestamp(3), amount: t.int(), pad: t.string() })

/** Splits of files are small, so that several readers share them; `whole` files have one reader, which keeps the order of each key. */
export function readRecords(env, path, whole = false) {
  const source = fileSource({ path, format: jsonFormat(), schema: RECORD, splitBytes: whole ? 2 ** 30 : 2 ** 20 })
  return env.fromSource(source, WatermarkStrategy.forMonotonousTimestamps().withTimestampAssigner('at'))
}
