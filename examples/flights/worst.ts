// Keeps the hours with the greatest mean delay and gives them out when the stream has ended.
import { type Collector, type KeyedProcessContext, type KeyedProcessFunction, t, valueState } from 'millrace'

interface AirportHour {
  readonly airport: string
  readonly city: string
  readonly windowStart: number
  readonly flights: number
  readonly meanDelay: number
  readonly shareLate: number
}

export class Worst implements KeyedProcessFunction<string, AirportHour, string> {
  readonly #count: number
  readonly #worst = valueState('worst', t.array(t.object<AirportHour>()))
  /** The least of them, alone: most hours are ruled out without reading the list. */
  readonly #least = valueState('least', t.double())

  constructor(count: number) {
    this.#count = count
  }

  processElement(hour: AirportHour, context: KeyedProcessContext<string>): void {
    const least = context.getState(this.#least)
    if (hour.meanDelay <= (least.value() ?? -Infinity)) return
    const state = context.getState(this.#worst)
    const worst = [...(state.value() ?? []), { ...hour }].sort((left, right) => right.meanDelay - left.meanDelay).slice(0, this.#count)
    state.update(worst)
    if (worst.length === this.#count) least.update(worst[worst.length - 1].meanDelay)
    // The end of the stream is the end of time.
    context.timerService.registerEventTimeTimer(Number.MAX_SAFE_INTEGER)
  }

  onTimer(_timeMs: number, context: KeyedProcessContext<string>, out: Collector<string>): void {
    for (const hour of context.getState(this.#worst).value() ?? []) {
      const when = new Date(hour.windowStart).toISOString().slice(0, 13).replace('T', ' ')
      out.collect(
        `${when}h  ${hour.airport}, ${hour.city}: ${hour.flights} flights, ${hour.meanDelay.toFixed(0)} min late on average, ${(hour.shareLate * 100).toFixed(0)} % more than 15 min late`,
      )
    }
  }
}
