// Counts numbers of a file by their last digit, into a file or for the program, and fails as the test says: `way` with `failures`, shared memory that
// holds how often it has failed and how often it is to.
import { openSync, readFileSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { defineJob, defineSchema, fileSink, fileSource, jsonFormat, t, valueState } from 'millrace'

const NUMBER = defineSchema({ n: t.int() })
const SEEN = valueState('seen', t.int())
const isSilent = new Int32Array(new SharedArrayBuffer(4))
const pause = () => void Atomics.wait(isSilent, 0, 0, 1)

export default defineJob(import.meta, (env, { input, output, failures, way, jobFile, pipe, set = {} }) => {
  for (const [key, value] of Object.entries(set)) env.set(key, value)
  const isDue = () => failures !== undefined && failures[0] < failures[1]
  // Workers have other data.
  if (way === 'hang' && workerData?.workerUrl !== undefined && isDue()) {
    setInterval(() => {
      if (failures[2] === 0) return
      failures[0]++
      failures[2] = 0
      for (;;);
    })
  }
  let begun
  const newestCheckpoint = () => JSON.parse(readFileSync(jobFile, 'utf8')).checkpoint
  function fail() {
    failures[0]++
    throw new Error(`failure ${failures[0]}`)
  }
  const ways = {
    // At once.
    record: fail,
    // At the first record behind a checkpoint that this attempt has taken.
    checkpoint() {
      begun ??= newestCheckpoint()
      pause()
      if (newestCheckpoint() > begun) fail()
    },
    // When the test says so.
    gate() {
      failures[2] = 1
      Atomics.notify(failures, 2)
      while (failures[2] === 1) pause()
      fail()
    },
    // The coordinator, once records flow, and not this thread.
    hang() {
      failures[2] = 1
      while (isDue()) pause()
    },
    // The system holds this thread.
    held() {
      failures[0]++
      openSync(pipe)
    },
  }
  const counts = env
    .from(fileSource({ path: input, format: jsonFormat(), schema: NUMBER, splitBytes: 4096, readBytes: 512 }))
    .keyBy((row) => row.n % 10)
    .process({
      processElement({ n }, context, out) {
        // One key's alone, so that one subtask fails at a time.
        if (n % 10 === 3 && isDue()) ways[way]()
        const seen = (context.getState(SEEN).value() ?? 0) + 1
        context.getState(SEEN).update(seen)
        out.collect({ n, seen })
      },
    })
    .returns({ n: t.int(), seen: t.int() })
    .uid('counts')
  if (output === undefined) counts.output('counts')
  else counts.sinkTo(fileSink({ path: output, format: jsonFormat() })).uid('file')
})
