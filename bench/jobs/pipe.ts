// file -> filter -> project -> JSON file: half of the bids, five columns.

import { defineJob, defineSchema, fileSink, fileSource, jsonFormat, t } from 'millrace'
import { unnest } from './bids.ts'

const bid = { auction: t.safeInt(), bidder: t.safeInt(), price: t.safeInt(), dateTime: t.timestamp(3), extra: t.string() }
/** What about half of the bids cost. */
export const PRICE_MIN = 100_000

export default defineJob(import.meta, (env, { path, target }) => {
  const events = env.from(fileSource({ path: path as string, format: jsonFormat(), schema: defineSchema({ bid: t.row(bid).nullable() }) }))
  unnest(events, 'bid', defineSchema(bid))
    .filter(({ price }) => price >= PRICE_MIN)
    .sinkTo(fileSink({ path: target as string, format: jsonFormat() }))
})
