// How finely an operator sees time pass. Plain data, part of the plan.

/** Which watermarks change what a transformation does: decides how finely watermarks are recorded upstream. */
export type WatermarkView =
  /** None: it passes them on. */
  | { readonly kind: 'none' }
  /** Only those that pass `offsetMs + n * periodMs - 1`, n integer: aligned windows. */
  | { readonly kind: 'grid'; readonly periodMs: number; readonly offsetMs: number }
  /** Every millisecond may: sessions, timers, joins. */
  | { readonly kind: 'every' }
