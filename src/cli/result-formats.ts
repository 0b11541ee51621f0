// The names of the formats in which `millrace sql` prints results; apart, so that the command line knows them without what prints.

export const RESULT_FORMATS = ['table', 'csv', 'json', 'changelog'] as const
export type ResultFormat = (typeof RESULT_FORMATS)[number]
