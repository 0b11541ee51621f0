// Which changes the records of a stream say.

export const ChangelogMode = {
  /** All: every row that is changed or taken away comes as it was (`-U`, `-D`). */
  ALL: 'ALL',
  /** What the row of a key has become (`+I` or `+U`, the one or the other), and that it has gone (`-D`, of which the key alone counts). */
  UPSERT: 'UPSERT',
} as const
export type ChangelogMode = (typeof ChangelogMode)[keyof typeof ChangelogMode]
