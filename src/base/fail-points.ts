// Named places between two steps of a protocol at which a test has the process end, as by SIGKILL or a loss of power: FAILPOINT=name:k in the
// environment, at the k-th time that a thread comes there (k = 1 unless it is given). Without that variable they do nothing.

/** In the order in which a checkpoint, a restore and the end of a job come by. */
export const FAIL_POINTS = [
  'claim.before',
  'claim.attempt-begun',
  'claim.status-written',
  'claim.done',
  'restore.found',
  'restore.checked',
  'restore.operator',
  'restore.split',
  'restore.sink-before-commit',
  'restore.sink-committed',
  'restore.file-reopened',
  'checkpoint.before-begin',
  'checkpoint.begun',
  'source.before-snapshot',
  'source.snapshot',
  'source.barrier-sent',
  'gate.first-barrier',
  'gate.aligned',
  'operator.before-prepare',
  'operator.prepared',
  'operator.snapshot',
  'operator.barrier-sent',
  'file.created',
  'file.before-sync',
  'file.synced',
  'file.finished',
  'subtask.ended',
  'subtask.end-told',
  'checkpoint.acknowledged',
  'checkpoint.parts-complete',
  'storage.begun',
  'storage.appended',
  'storage.files-synced',
  'storage.metadata-written',
  'storage.metadata-synced',
  'storage.folder-synced',
  'storage.renamed',
  'storage.published',
  'checkpoint.before-note',
  'checkpoint.kept',
  'checkpoint.told',
  'worker.told',
  'sink.before-commit',
  'file.before-rename',
  'file.renamed',
  'file.committed',
  'sink.committed',
  'subtask.closed',
  'prune.before',
  'prune.unpublished-old',
  'prune.done',
  'job.finished',
  'job.status-written',
  'job.released',
] as const
/** One of them. */
export type FailPoint = (typeof FAIL_POINTS)[number]

const [armedAt, times = '1'] = (process.env['FAILPOINT'] ?? '').split(':')
let left = Number(times)

/** Ends the process if this place is the one that was asked for. */
export function failPoint(name: FailPoint): void {
  if (name === armedAt && --left === 0) process.kill(process.pid, 'SIGKILL')
}
