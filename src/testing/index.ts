// The test kit that users import as `millrace/testing`: a virtual clock, whole jobs on the calling thread, a disk that fails or loses power, and the
// operator harness, for the engine's operators and for functions of every kind.

export { type Clock, VirtualClock } from '../base/clock.ts'
export { Random } from '../base/random.ts'
export type { FileCall, FileStat, FileSystem, FolderEntry, OpenMode } from '../base/file-system.ts'
export type { IoError, IoErrorCode } from './io-errors.ts'
export { type JobRun, runJob, type RunJobOptions, type TestableJob } from './run-job.ts'
export { VirtualDisk, type VirtualDiskOptions } from './virtual-disk.ts'
export {
  asyncFunction,
  type BroadcastHarnessInput,
  broadcastProcessFunction,
  coProcessFunction,
  filterFunction,
  flatMapFunction,
  type HarnessFunction,
  type HarnessWindows,
  keyedBroadcastProcessFunction,
  keyedCoProcessFunction,
  type KeyedHarnessInput,
  keyedProcessFunction,
  mapFunction,
  processFunction,
  windowFunction,
} from './functions.ts'
export {
  type HarnessEvent,
  type HarnessInput,
  type HarnessOptions,
  type HarnessRecord,
  type HarnessResult,
  type HarnessRow,
  type HarnessStep,
  runAsyncOperatorHarness,
  runOperatorHarness,
} from './operator-harness.ts'
