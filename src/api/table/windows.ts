// Windows of the Table API: they are the table functions of SQL, and add the columns window_start, window_end and window_time.

import { PlanError } from '../../base/errors.ts'

/** @internal What a window is of. */
export interface WindowSpecification {
  readonly function: 'TUMBLE' | 'HOP' | 'CUMULATE' | 'SESSION'
  readonly time: string
  /** In the order in which the function takes them, in milliseconds. */
  readonly sizes: readonly number[]
  readonly partitionBy: readonly string[]
}

/** Windows over a time attribute, for `table.window(...)`. */
export class TableWindow<out Column extends string = string> {
  declare protected readonly column: Column
  /** @internal */
  readonly specification: WindowSpecification

  /** @internal Made by {@link Tumble}, {@link Hop}, {@link Cumulate} and {@link Session}. */
  constructor(specification: WindowSpecification) {
    this.specification = specification
  }
}

/** Windows of a size, whose time attribute is still to be named. */
export class UntimedWindow {
  readonly #function: WindowSpecification['function']
  readonly #sizes: readonly number[]

  /** @internal */
  constructor(name: WindowSpecification['function'], sizes: readonly number[]) {
    this.#function = name
    this.#sizes = sizes
    for (const size of sizes)
      if (!Number.isSafeInteger(size)) throw new PlanError('WRONG_ARGUMENTS', `Cannot make windows of ${String(size)}: sizes are whole milliseconds`)
  }

  /** Moves the windows: they begin so many milliseconds later. */
  offset(ms: number): UntimedWindow {
    return new UntimedWindow(this.#function, [...this.#sizes, ms])
  }

  /** The column that says when: a time attribute. */
  on<Column extends string>(column: Column): TableWindow<Column> {
    return new TableWindow({ function: this.#function, time: column, sizes: this.#sizes, partitionBy: [] })
  }
}

/** Windows of one size, one behind the other. */
export const Tumble = {
  /** @example bids.window(Tumble.over(minutes(10)).on('ts')) */
  over(sizeMs: number): UntimedWindow {
    return new UntimedWindow('TUMBLE', [sizeMs])
  },
} as const

/** Windows of one size that begin anew at each slide. */
export const Hop = {
  /** @example bids.window(Hop.over(minutes(10)).every(minutes(1)).on('ts')) */
  over(sizeMs: number): { every(slideMs: number): UntimedWindow } {
    return { every: (slideMs) => new UntimedWindow('HOP', [slideMs, sizeMs]) }
  },
} as const

/** Windows that grow at each step up to their whole size. */
export const Cumulate = {
  /** @example bids.window(Cumulate.over(days(1)).every(hours(1)).on('ts')) */
  over(sizeMs: number): { every(stepMs: number): UntimedWindow } {
    return { every: (stepMs) => new UntimedWindow('CUMULATE', [stepMs, sizeMs]) }
  },
} as const

/** Windows that end where nothing has come for a while. */
export const Session = {
  /** @example bids.window(Session.withGap(minutes(5)).on('ts', 'bidder')) */
  withGap(gapMs: number): SessionWindow {
    return new SessionWindow(gapMs)
  },
} as const

/** Sessions, whose time attribute is still to be named. */
export class SessionWindow {
  readonly #gapMs: number

  /** @internal */
  constructor(gapMs: number) {
    if (!Number.isSafeInteger(gapMs)) throw new PlanError('WRONG_ARGUMENTS', `Cannot make sessions with a gap of ${String(gapMs)}: it has whole milliseconds`)
    this.#gapMs = gapMs
  }

  /** The time attribute, and the columns whose values have sessions of their own. */
  on<Column extends string>(column: Column, ...partitionBy: readonly Column[]): TableWindow<Column> {
    return new TableWindow({ function: 'SESSION', time: column, sizes: [this.#gapMs], partitionBy })
  }
}

/** The columns that windows add: their beginning, their end, and their last instant, which is a time attribute. */
export interface WindowColumns {
  readonly window_start: number
  readonly window_end: number
  readonly window_time: number
}
