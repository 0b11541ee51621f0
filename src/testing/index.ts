// The test kit that users import as `millrace/testing`: a virtual clock, whole jobs on the calling thread, and the operator harness.

export { type Clock, VirtualClock } from '../base/clock.ts'
export { Random } from '../base/random.ts'
export { type JobRun, runJob, type RunJobOptions, type TestableJob } from './run-job.ts'
export {
  type HarnessEvent,
  type HarnessInput,
  type HarnessOptions,
  type HarnessRecord,
  type HarnessResult,
  type HarnessRow,
  type HarnessStep,
  runOperatorHarness,
} from './operator-harness.ts'
