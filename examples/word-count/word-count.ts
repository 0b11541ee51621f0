// Word count over a growing file: counts what is there, then every line that is appended, until you stop it.
//   millrace run examples/word-count/word-count.ts -- --path words.txt
import { defineJob, defineSchema, fileSource, printSink, t, textFormat } from 'millrace'

export default defineJob(import.meta, (env, params) => {
  const lines = fileSource({
    path: (params.path as string | undefined) ?? 'words.txt',
    format: textFormat(),
    schema: defineSchema({ line: t.string() }),
    follow: true,
  })
  env
    .from(lines)
    .flatMap(({ line }) => line.toLowerCase().match(/\p{L}+/gu) ?? [])
    .map((word) => ({ word, count: 1 }))
    .returns({ word: t.string(), count: t.safeInt() })
    .keyBy('word')
    .sum('count')
    .sinkTo(printSink())
})
