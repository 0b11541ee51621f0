// Numbers and times as people read them.

const GROUP = /\B(?=(\d{3})+(?!\d))/g

/** `3,000,000`. */
export function formatCount(count: number): string {
  return String(count).replace(GROUP, ',')
}

/** Three digits: `0`, `999`, `12.3 K`, `4.10 M`, `1.25 G`. */
export function formatShort(value: number): string {
  if (value < 999.5) return String(Math.round(value))
  const [scaled, unit] = value < 999_500 ? [value / 1e3, 'K'] : value < 999.5e6 ? [value / 1e6, 'M'] : [value / 1e9, 'G']
  return `${scaled.toFixed(scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0)} ${unit}`
}

/** `0.25 s`, `12.3 s`, `4 min 05 s`, `2 h 03 min`. */
export function formatDuration(ms: number): string {
  const seconds = ms / 1000
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  const minutes = Math.floor(whole / 60)
  return minutes < 60 ? `${minutes} min ${String(whole % 60).padStart(2, '0')} s` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
}

/** How long ago, to the largest unit: `0.8 s`, `12 s`, `4 min`, `2 h`, `3 d`. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  if (seconds < 119.5) return `${Math.round(seconds)} s`
  if (seconds < 7170) return `${Math.round(seconds / 60)} min`
  return seconds < 171_000 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`
}

/** `64.0 MB`: powers of 1,024, as the options count. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const [scaled, unit] = bytes < 2 ** 20 ? [bytes / 2 ** 10, 'KB'] : bytes < 2 ** 30 ? [bytes / 2 ** 20, 'MB'] : [bytes / 2 ** 30, 'GB']
  return `${scaled.toFixed(scaled < 99.95 ? 1 : 0)} ${unit}`
}

/** `0.25 ms`, `12.3 ms`, `450 ms`; above a second as {@link formatDuration}. */
export function formatMs(ms: number): string {
  return ms < 999.5 ? `${ms.toFixed(ms < 9.995 ? 2 : ms < 99.95 ? 1 : 0)} ms` : formatDuration(ms)
}

/** `45 %`. */
export function formatPercent(percent: number): string {
  return `${Math.round(percent)} %`
}

const DATE_MS_MAX = 8.64e15

/** A watermark as UTC time; `end` for the end of time; undefined if there is none yet. */
export function formatWatermark(watermarkMs: number): string | undefined {
  if (!(watermarkMs > -DATE_MS_MAX)) return undefined
  if (watermarkMs > DATE_MS_MAX) return 'end'
  return new Date(watermarkMs).toISOString().replace('T', ' ').replace('Z', '')
}
