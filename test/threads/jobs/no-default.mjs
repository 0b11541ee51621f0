// A module that is no job.
export const job = 1
