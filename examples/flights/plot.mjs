// Draws the picture in README.md from the result file of the flights job: how many flights leave late, by airport and hour of the day.
//   npm start && node examples/flights/plot.mjs > examples/flights/delays.svg
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

const AIRPORTS = 20
const HOURS = 24
/** The day of an airport ends in the small hours. */
const HOUR_FIRST = 4
/** Cells of fewer flights say nothing. */
const FLIGHTS_MIN = 30

/** Flights and late flights by hour of the day. */
const byHour = () => Array.from({ length: HOURS }, () => ({ flights: 0, late: 0 }))
const all = byHour()
const airports = new Map()
let from = '~'
let to = ''

for await (const line of createInterface({ input: createReadStream(process.argv[2] ?? '.millrace/airport-hours.jsonl'), crlfDelay: Infinity })) {
  const { origin, city, windowStart, flights, shareLate } = JSON.parse(line)
  if (!airports.has(origin)) airports.set(origin, { origin, city, flights: 0, hours: byHour() })
  const airport = airports.get(origin)
  airport.flights += flights
  const hour = Number(windowStart.slice(11, 13))
  for (const cell of [all[hour], airport.hours[hour]]) {
    cell.flights += flights
    cell.late += flights * shareLate
  }
  if (windowStart < from) from = windowStart
  if (windowStart > to) to = windowStart
}

const busiest = [...airports.values()].sort((left, right) => right.flights - left.flights || (left.origin < right.origin ? -1 : 1)).slice(0, AIRPORTS)

const CELL_WIDTH = 27
const CELL_HEIGHT = 19
const LEFT = 186
const BARS_TOP = 76
const BARS_HEIGHT = 64
const TOP = BARS_TOP + BARS_HEIGHT + 12
const WIDTH = LEFT + HOURS * CELL_WIDTH + 24
const HEIGHT = TOP + AIRPORTS * CELL_HEIGHT + 66
const INK = '#1f2328'
const FAINT = '#656d76'
const EMPTY = '#f0f1f3'
const SCALE = ['#fff3e0', '#fdd49e', '#fc8d59', '#d7301f', '#7f0000']
const SHARE_MAX = 0.6

const xOf = (hour) => LEFT + ((hour - HOUR_FIRST + HOURS) % HOURS) * CELL_WIDTH

/** The colour of a share, between the two of the scale it lies between. */
function colour(share) {
  const at = Math.min(share / SHARE_MAX, 1) * (SCALE.length - 1)
  const index = Math.min(Math.floor(at), SCALE.length - 2)
  const channel = (text, offset) => Number.parseInt(text.slice(offset, offset + 2), 16)
  return `#${[1, 3, 5]
    .map((offset) => {
      const low = channel(SCALE[index], offset)
      return Math.round(low + (channel(SCALE[index + 1], offset) - low) * (at - index))
        .toString(16)
        .padStart(2, '0')
    })
    .join('')}`
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const text = (x, y, content, attributes = '') => `<text x="${x}" y="${y}"${attributes}>${escaped(content)}</text>`
const date = (at) => new Date(`${at.slice(0, 10)}T00:00:00Z`).toLocaleDateString('en-US', { day: 'numeric', month: 'long', timeZone: 'UTC' })
const percent = (share) => `${Math.round(share * 100)} %`

const parts = [
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" font-size="12" fill="${INK}" role="img">`,
  `<title>Share of flights more than 15 minutes late by airport and hour of the day</title>`,
  `<rect width="${WIDTH}" height="${HEIGHT}" rx="6" fill="#ffffff"/>`,
  text(20, 30, 'A late day begins on time', ' font-size="17" font-weight="600"'),
  text(
    20,
    51,
    `Share of flights more than 15 minutes late, by hour of the day; the ${AIRPORTS} busiest US airports, ${date(from)} to ${date(to)}, ${to.slice(0, 4)}`,
    ` fill="${FAINT}"`,
  ),
]

const scaleOf = (share) => (share / SHARE_MAX) * BARS_HEIGHT
parts.push(text(LEFT - 10, BARS_TOP + BARS_HEIGHT - 3, `all ${airports.size} airports`, ' text-anchor="end" font-weight="600"'))
all.forEach(({ flights, late }, hour) => {
  if (flights < FLIGHTS_MIN) return
  const x = xOf(hour)
  const height = scaleOf(Math.min(late / flights, SHARE_MAX))
  const top = (BARS_TOP + BARS_HEIGHT - height).toFixed(1)
  parts.push(`<rect x="${x + 1}" y="${top}" width="${CELL_WIDTH - 2}" height="${height.toFixed(1)}" fill="${colour(late / flights)}"/>`)
  parts.push(text(x + CELL_WIDTH / 2, Number(top) - 4, String(Math.round((late / flights) * 100)), ` text-anchor="middle" font-size="10" fill="${FAINT}"`))
})

busiest.forEach(({ origin, city, hours }, row) => {
  const y = TOP + row * CELL_HEIGHT
  parts.push(text(LEFT - 10, y + 14, `${city} ${origin}`, ' text-anchor="end"'))
  hours.forEach(({ flights, late }, hour) => {
    const known = flights >= FLIGHTS_MIN
    const shown = known ? `${percent(late / flights)} of ${flights.toLocaleString('en-US')} flights` : 'hardly a flight'
    parts.push(
      `<rect x="${xOf(hour) + 1}" y="${y + 1}" width="${CELL_WIDTH - 2}" height="${CELL_HEIGHT - 2}" rx="2" fill="${known ? colour(late / flights) : EMPTY}"><title>${origin} ${hour}h: ${shown}</title></rect>`,
    )
  })
})

const axis = TOP + AIRPORTS * CELL_HEIGHT + 16
for (let hour = 0; hour < HOURS; hour += 2) parts.push(text(xOf(hour) + CELL_WIDTH / 2, axis, `${hour}h`, ` text-anchor="middle" fill="${FAINT}"`))

const legend = axis + 16
SCALE.forEach((fill, index) => {
  const x = LEFT + index * 58
  parts.push(`<rect x="${x}" y="${legend}" width="18" height="12" rx="2" fill="${fill}"/>`)
  const share = (index / (SCALE.length - 1)) * SHARE_MAX
  parts.push(text(x + 23, legend + 10, index === SCALE.length - 1 ? `${percent(share)} or more late` : percent(share), ` font-size="11" fill="${FAINT}"`))
})
const none = LEFT + SCALE.length * 58 + 72
parts.push(
  `<rect x="${none}" y="${legend}" width="18" height="12" rx="2" fill="${EMPTY}"/>`,
  text(none + 23, legend + 10, `fewer than ${FLIGHTS_MIN} flights`, ` font-size="11" fill="${FAINT}"`),
)

process.stdout.write(`${[...parts, '</svg>'].join('\n')}\n`)
