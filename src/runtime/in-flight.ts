// What barriers have overtaken, as part of a checkpoint: written as files of state, and dealt out to the subtasks of a restored job. Runs on the
// workers' threads, but for the check, which is made before anything runs.

import type { Slab } from '../base/slab.ts'
import { BatchDecoder } from '../batch/batch-codec.ts'
import { verifyBatch } from '../batch/batch-verifier.ts'
import { RecordBatch } from '../batch/record-batch.ts'
import { type JobSnapshot, partId } from '../checkpoint/job-snapshot.ts'
import type { InFlightRefusal } from '../checkpoint/restore-decision.ts'
import { FrameKind } from '../exchange/frame-kind.ts'
import { HashRouter } from '../exchange/hash-router.ts'
import type { Kernels } from '../kernels/kernels.ts'
import type { ExecutionPlan, PlanOperator, PlanTask } from '../plan/execution-plan.ts'
import type { Edge, LogicalGraph } from '../plan/transformation.ts'
import { SnapshotFile, SnapshotFileWriter } from '../state/snapshot-file.ts'
import { copyRows, type OvertakenBatch, type OvertakenInGate, type WaitingBatch } from './backlog.ts'

/** Who the batches were for: {@link Consumer} as JSON. */
const CONSUMER_STATE = 'consumer'
/** What the gate knew of time at the barrier, float64: the merged watermark, those of its channels, their statuses. Absent where there is no gate. */
const TIME_STATE = 'time'
/**
 * An element each, in order: its channel (i32; -1 for a batch that had left the gate), the place of its edge (u32), its kind (u32), then the bytes that a
 * channel carries.
 */
const ELEMENTS_STATE = 'elements'
const HEAD_BYTES = 12
const NO_CHANNEL = -1

/** What must not change between a checkpoint and its restore. */
interface Consumer {
  /** Number of functions that run fused: the batches are for the first of them. */
  readonly functions: number
  /** Columns of the batches, by the place of their edge. */
  readonly schemas: readonly string[]
  /** The channels of its gate, by the place of their edge. */
  readonly channels: readonly number[]
}

/** An element of the file. */
interface StoredElement extends OvertakenBatch {
  readonly channel: number
  readonly kind: FrameKind
}

/** What a subtask of a restored job begins with. */
export interface RestoredElements {
  /** In front of the operator. */
  readonly batches: readonly WaitingBatch[]
  /** In front of its gate. */
  readonly inGate: OvertakenInGate | undefined
}

function edgesOf(graph: LogicalGraph, { fused }: PlanOperator): readonly Edge[] {
  return graph.transformations[fused[0]].edges
}

/**
 * Writes what was on its way to an operator; undefined if nothing was.
 *
 * @param batches In front of the operator; `inGate` what is in front of the gate behind which it stands.
 */
export function encodeInFlight(
  batches: readonly OvertakenBatch[],
  inGate: OvertakenInGate | undefined,
  graph: LogicalGraph,
  operator: PlanOperator,
): Uint8Array | undefined {
  const channels = inGate?.channels ?? []
  if (batches.length === 0 && channels.every(({ elements }) => elements.length === 0)) return undefined
  const writer = new SnapshotFileWriter()
  const consumer: Consumer = {
    functions: operator.fused.length,
    schemas: edgesOf(graph, operator).map(({ schema }) => schema.toString()),
    channels: channels.map(({ edge }) => edge),
  }
  writer.element(CONSUMER_STATE, Buffer.from(JSON.stringify(consumer)))
  if (inGate !== undefined) writer.element(TIME_STATE, new Uint8Array(inGate.time.slice().buffer))
  const write = ({ channel, edge, kind, bytes }: StoredElement): void => {
    const element = Buffer.alloc(HEAD_BYTES + bytes.length)
    element.writeInt32LE(channel)
    element.writeUInt32LE(edge, 4)
    element.writeUInt32LE(kind, 8)
    element.set(bytes, HEAD_BYTES)
    writer.element(ELEMENTS_STATE, element)
  }
  for (const batch of batches) write({ ...batch, channel: NO_CHANNEL, kind: FrameKind.BATCH })
  for (const [channel, { edge, elements }] of channels.entries()) for (const element of elements) write({ ...element, channel, edge })
  return writer.finish()
}

interface Stored {
  readonly consumer: Consumer
  readonly time: Float64Array | undefined
  readonly elements: readonly StoredElement[]
}

function decodeInFlight(file: Uint8Array, id: string): Stored {
  const reader = SnapshotFile.open(file, `${id} in flight`)
  let consumer!: Consumer
  reader.elements(CONSUMER_STATE, (text) => (consumer = JSON.parse(Buffer.from(text).toString()) as Consumer))
  let time: Float64Array | undefined
  reader.elements(TIME_STATE, (bytes) => (time = new Float64Array(bytes.slice().buffer)))
  const elements: StoredElement[] = []
  reader.elements(ELEMENTS_STATE, (element) => {
    const view = new DataView(element.buffer, element.byteOffset)
    elements.push({
      channel: view.getInt32(0, true),
      edge: view.getUint32(4, true),
      kind: view.getUint32(8, true) as FrameKind,
      bytes: element.slice(HEAD_BYTES),
    })
  })
  return { consumer, time, elements }
}

/**
 * What of the batches in flight cannot go on, by the uid of the operator that they were for: records must find the function that they were for, and at
 * another parallelism somebody must be able to say which subtask gets each. The decision about the restore takes it into account.
 */
export function inFlightRefusals(plan: ExecutionPlan, graph: LogicalGraph, snapshot: JobSnapshot): ReadonlyMap<string, InFlightRefusal> {
  const refusals = new Map<string, InFlightRefusal>()
  if (snapshot.inFlight.size === 0) return refusals
  const planned = new Map(plan.tasks.flatMap(({ operators, parallelism }) => operators.map((operator) => [operator.uid, { operator, parallelism }] as const)))
  for (const { uid, parallelism } of snapshot.operators)
    for (let part = 0; part < parallelism; part++) {
      const id = partId(uid, part)
      const file = snapshot.inFlight.get(id)
      if (file === undefined) continue
      const refuse = (reason: string, hint: string): unknown =>
        refusals.has(uid) || refusals.set(uid, { reason: `has records on their way to it, ${reason}`, hint })
      const now = planned.get(uid)
      if (now === undefined) {
        refuse('and the job does not have it', 'Give operators a uid that stays; or drop the records with --allow-non-restored-state.')
        continue
      }
      const { consumer, elements } = decodeInFlight(file, id)
      const edges = edgesOf(graph, now.operator)
      const again = `Start the job once more as it was, with parallelism ${parallelism}: its first checkpoint holds no records on their way. A savepoint holds none.`
      if (consumer.functions !== now.operator.fused.length) {
        refuse('and runs fused with other functions now', again)
        continue
      }
      if (consumer.schemas.length !== edges.length || consumer.schemas.some((schema, edge) => schema !== edges[edge].schema.toString())) {
        refuse('and its inputs have other columns now', again)
        continue
      }
      if (now.parallelism === parallelism) continue
      for (const { edge, kind: elementKind } of elements) {
        if (elementKind !== FrameKind.BATCH) continue
        const { kind } = edges[edge].partitioner
        if (kind === 'broadcast') refuse(`by broadcast: its subtasks have come to different records, and there were ${parallelism} of them`, again)
        if (kind === 'custom') refuse(`where a function chose the subtask for ${parallelism} of them`, again)
      }
    }
  return refusals
}

/**
 * What one subtask of an operator goes on with, in order. At its own parallelism that is what was on its way to it, if possible with what moved time
 * between the batches. At another one records go to the subtask that their key belongs to now; without keys all that were on their way to one subtask go
 * to one.
 *
 * @throws {RestoreError} `BATCH_MALFORMED`
 */
export function restoredElements(
  snapshot: JobSnapshot,
  plan: ExecutionPlan,
  graph: LogicalGraph,
  operator: PlanOperator,
  task: PlanTask,
  subtaskIndex: number,
  slab: Slab,
  kernels: Kernels,
): RestoredElements {
  const had = snapshot.operators.find(({ uid }) => uid === operator.uid)?.parallelism ?? 0
  const isMoved = had !== task.parallelism
  const edges = edgesOf(graph, operator)
  const pickers = new Map<number, RowPicker>()
  const batches: WaitingBatch[] = []
  let inGate: OvertakenInGate | undefined
  for (let part = 0; part < had; part++) {
    if (!isMoved && part !== subtaskIndex) continue
    const id = partId(operator.uid, part)
    const file = snapshot.inFlight.get(id)
    if (file === undefined) continue
    const { consumer, time, elements } = decodeInFlight(file, id)
    if (!isMoved && time !== undefined && operator === task.operators[0] && keepsTime(plan, task, consumer))
      inGate = {
        time,
        channels: consumer.channels.map((edge, channel) => ({ edge, elements: elements.filter((element) => element.channel === channel) })),
      }
    for (const { edge, kind, channel, bytes } of elements) {
      if (kind !== FrameKind.BATCH) continue
      const { schema, input, partitioner } = edges[edge]
      verifyBatch(bytes, schema)
      if (inGate !== undefined && channel !== NO_CHANNEL) continue
      let own: Uint8Array | undefined = bytes
      if (isMoved && partitioner.kind === 'hash' && task.parallelism > 1) {
        let picker = pickers.get(edge)
        if (picker === undefined) {
          const exchange = plan.exchanges.find(({ toTask, edgeIndex }) => toTask === task.id && edgeIndex === edge)
          const router = new HashRouter(slab, kernels, schema, partitioner.key, task.parallelism, exchange?.maxParallelism ?? operator.maxParallelism)
          pickers.set(edge, (picker = { router, decoder: new BatchDecoder(slab, schema) }))
        }
        own = ownRows(picker, bytes, subtaskIndex)
      } else if (isMoved && (partitioner.kind === 'global' ? 0 : part % task.parallelism) !== subtaskIndex) own = undefined
      if (own !== undefined) batches.push({ kind: 'batch', edge, input, schema, bytes: own, isRestored: true })
    }
  }
  for (const { decoder } of pickers.values()) decoder.free()
  return { batches, inGate }
}

/**
 * Whether the watermarks of a gate still hold: those of all senders together do, whichever of them reads a split now. Those of some do not, and of
 * other channels than there were nothing is known.
 */
function keepsTime(plan: ExecutionPlan, task: PlanTask, { channels }: Consumer): boolean {
  const expected = new Map<number, number>()
  for (const { toTask, fromTask, edgeIndex, partitioner } of plan.exchanges) {
    if (toTask !== task.id) continue
    const { parallelism } = plan.tasks[fromTask]
    if (parallelism > 1 && (partitioner === 'forward' || partitioner === 'rescale')) return false
    expected.set(edgeIndex, parallelism)
  }
  for (const edge of channels) expected.set(edge, (expected.get(edge) ?? 0) - 1)
  return [...expected.values()].every((count) => count === 0)
}

/** What finds the rows of one subtask. */
interface RowPicker {
  readonly router: HashRouter
  readonly decoder: BatchDecoder
}

/** The rows of a batch whose keys belong to a subtask; undefined if there are none. */
function ownRows({ router, decoder }: RowPicker, bytes: Uint8Array, subtaskIndex: number): Uint8Array | undefined {
  const { slab } = decoder
  const address = slab.allocate(bytes.length)
  slab.u8.set(bytes, address)
  const batch = decoder.decode(address, bytes.length)
  router.route(batch)
  const view = new RecordBatch(slab, batch.schema, []).viewOf(batch)
  view.selection = router.selection(subtaskIndex)
  view.selectedCount = router.selectedCount(subtaskIndex)
  const own = view.selectedCount === 0 ? undefined : copyRows(view, 0, view.selectedCount)
  slab.free(address, bytes.length)
  return own
}
