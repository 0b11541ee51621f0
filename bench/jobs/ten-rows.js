// A job of ten rows: what a run costs before it does anything.
import { defineJob, printSink } from 'millrace'

export default defineJob(import.meta, (env) => {
  env
    .fromCollection([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    .map((value) => value * value)
    .sinkTo(printSink())
})
