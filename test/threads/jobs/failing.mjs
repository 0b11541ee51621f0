// Fails where the parameter says.
import { defineJob } from 'millrace'

/** The line of this throw is looked for by a test. */
function explode(record) {
  throw new TypeError(`cannot digest ${record}`)
}

export default defineJob(import.meta, (env, { where }) => {
  if (where === 'program') explode('the program')
  const numbers = env.fromCollection(Array.from({ length: 1000 }, (_, index) => index))
  const fail = (here, record) => (where === here && record === 777 ? explode(record) : record)
  numbers
    .map((record) => fail('map', record))
    .name('Digest')
    .filter((record) => fail('filter', record) >= 0)
    .partitionCustom((record, count) => fail('partition', record) % count)
    .flatMap((record) => [fail('flatMap', record)])
    .keyBy((record) => fail('key', record) % 10)
    .process({
      open: () => where === 'open' && explode('open'),
      processElement: (record, _context, out) => out.collect(fail('process', record)),
      close: () => where === 'close' && explode('close'),
    })
    .forEach((record) => fail('sink', record))
})
