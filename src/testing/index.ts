// The test kit that users import as `millrace/testing`: a virtual clock, and whole jobs on the calling thread.

export { type Clock, VirtualClock } from '../base/clock.ts'
export { Random } from '../base/random.ts'
export { type JobRun, runJob, type RunJobOptions, type TestableJob } from './run-job.ts'
