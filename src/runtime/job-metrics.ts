// From the metric slots of all workers to a job's metrics. Runs wherever somebody asks: on the coordinator's thread, on the calling thread of a
// local job. Invariant: it only reads; no worker waits for it.

import type * as Hdr from 'hdr-histogram-js'
import type { Clock } from '../base/clock.ts'
import type { WasmMemory } from '../base/webassembly.ts'
import { forEachLatency } from '../metrics/latency-histogram.ts'
import type { ExecutionPlan, PlanOperator, PlanTask } from '../plan/execution-plan.ts'
import { SpscRing } from '../ring/spsc-ring.ts'
import { WatermarkStatus } from '../time/watermark-merger.ts'
import { channelSlots, latencyBuckets, layoutWorker, operatorSlots, subtaskSlots, workerSlots } from './control-layout.ts'
import type { CounterName } from './subtask.ts'
import { MetricSlot, OperatorSlot, WorkerSlot } from './subtask-metrics.ts'
import type {
  ChannelMetrics,
  CheckpointMetrics,
  GcMetrics,
  JobMetrics,
  LatencyMetrics,
  OperatorTotals,
  SubtaskMetrics,
  TaskMetrics,
  WorkerMetrics,
} from './thread-messages.ts'

const MICROS_PER_MS = 1000
const STATUS_NAMES = { [WatermarkStatus.ACTIVE]: 'active', [WatermarkStatus.IDLE]: 'idle', [WatermarkStatus.ENDED]: 'ended' } as const

/** What makes histograms. */
export type Histograms = Pick<typeof Hdr, 'build'>

/** The histogram library, if latency is measured: it takes 50 ms to load. */
export async function loadHistograms(options: ReadonlyMap<string, string>): Promise<Histograms | undefined> {
  return Number(options.get('metrics.latency.interval') ?? 0) > 0 ? import('hdr-histogram-js') : undefined
}

/** What one subtask publishes. */
interface SubtaskView {
  readonly slots: Float64Array
  readonly channels: readonly ChannelView[]
}

interface ChannelView {
  readonly fromTask: string
  readonly fromSubtask: number
  readonly input: number
  readonly ring: SpscRing
  readonly slots: Float64Array
  readonly watermarkSlot: number
  readonly statusSlot: number
}

/** What one operator publishes, by subtask, and the names of its counters as each has told them. */
interface OperatorView {
  readonly slots: readonly Float64Array[]
  readonly counters: readonly string[][]
  /** Of a sink. */
  readonly latency: readonly Int32Array[]
}

interface TaskView {
  readonly planned: PlanTask
  readonly subtasks: readonly SubtaskView[]
  readonly operators: readonly OperatorView[]
}

/** Reads the metrics of one job. */
export class JobMetricsReader {
  readonly #clock: Clock
  readonly #startedMs: number
  /** Unset, there is no latency. A job on the calling thread is made before they are loaded. */
  histograms: Histograms | undefined
  readonly #tasks: readonly TaskView[]
  readonly #workers: readonly Float64Array[]
  #lastCheckpoint: (Omit<CheckpointMetrics, 'ageMs'> & { readonly completeMs: number }) | undefined

  /**
   * @param memories Of all workers, laid out.
   * @param ringBytesMax As the memories were laid out with.
   */
  constructor(plan: ExecutionPlan, memories: readonly WasmMemory[], clock: Clock, histograms?: Histograms, ringBytesMax?: number) {
    const buffers = memories.map((memory) => memory.buffer)
    this.#clock = clock
    this.#startedMs = clock.monotonicMs()
    this.histograms = histograms
    this.#workers = buffers.map((buffer) => workerSlots(buffer, plan))
    const layouts = memories.map((_, worker) => layoutWorker(plan, worker, ringBytesMax))
    this.#tasks = plan.tasks.map((planned): TaskView => {
      const own = buffers.slice(0, planned.parallelism)
      return {
        planned,
        subtasks: own.map((buffer, worker) => {
          const slots = channelSlots(buffer, plan, planned.id)
          const places = layouts[worker].channels.filter(({ exchange }) => exchange.toTask === planned.id)
          return {
            slots: subtaskSlots(buffer, plan, planned.id),
            channels: places.map(({ exchange, fromSubtask, address, capacityBytes }, index) => ({
              fromTask: plan.tasks[exchange.fromTask].name,
              fromSubtask,
              input: exchange.input,
              ring: new SpscRing(buffer, address, capacityBytes),
              slots,
              watermarkSlot: index,
              statusSlot: slots.length / 2 + index,
            })),
          }
        }),
        operators: planned.operators.map(({ kind }, index) => ({
          slots: own.map((buffer) => operatorSlots(buffer, plan, planned.id, index)),
          counters: own.map(() => []),
          latency: kind === 'sink' ? own.map((buffer) => latencyBuckets(buffer, plan, planned.id, index)) : [],
        })),
      }
    })
  }

  /** Notes the name of a counter, which is shown from now on. */
  nameCounter(worker: number, { task, operatorIndex, index, name }: CounterName): void {
    this.#tasks[task].operators[operatorIndex].counters[worker][index] = name
  }

  /** Notes a checkpoint that is kept. */
  noteCheckpoint(checkpointId: number, durationMs: number): void {
    this.#lastCheckpoint = { checkpointId, durationMs, completeMs: this.#clock.monotonicMs() }
  }

  read(): JobMetrics {
    const nowMs = this.#clock.monotonicMs()
    const workers = this.#workers.map(readWorker)
    const gcs = workers.map(({ gc }) => gc)
    return {
      runningMs: nowMs - this.#startedMs,
      tasks: this.#tasks.map((task) => this.#readTask(task)),
      workers,
      slabBytes: total(workers, ({ slabBytes }) => slabBytes),
      latency: this.#latency(this.#tasks.flatMap(({ operators }) => operators.flatMap(({ latency }) => latency))),
      gc: { count: total(gcs, ({ count }) => count), totalMs: total(gcs, ({ totalMs }) => totalMs), maxMs: Math.max(0, ...gcs.map(({ maxMs }) => maxMs)) },
      lastCheckpoint: this.#checkpointAt(nowMs),
    }
  }

  #checkpointAt(nowMs: number): CheckpointMetrics | undefined {
    if (this.#lastCheckpoint === undefined) return undefined
    const { completeMs, ...checkpoint } = this.#lastCheckpoint
    return { ...checkpoint, ageMs: nowMs - completeMs }
  }

  #readTask({ planned, subtasks, operators }: TaskView): TaskMetrics {
    const totals = operators.map((operator, index) => this.#readOperator(operator, planned.operators[index]))
    // The time for each anew: this thread may lose its core in between, and what they write runs on.
    const states = subtasks.map((subtask) => readSubtask(subtask, this.#clock.monotonicMs()))
    return {
      task: planned.name,
      operators: totals,
      subtasks: states,
      rowsIn: totals[0].rowsIn,
      rowsOut: total(totals, ({ rowsIn, rowsOut }, index) => (planned.operators[index].kind === 'sink' ? rowsIn : isChainEnd(planned, index) ? rowsOut : 0)),
      bytesIn: total(totals, ({ bytesIn }) => bytesIn),
      bytesOut: total(totals, ({ bytesOut }) => bytesOut),
      lateRecords: total(totals, ({ lateRecords }) => lateRecords),
      badRecords: total(totals, ({ badRecords }) => badRecords),
      watermarkMs: Math.min(...states.map(({ watermarkMs }) => watermarkMs)),
      backpressured: states.some(({ backpressured }) => backpressured),
      busyMs: total(states, ({ busyMs }) => busyMs),
      idleMs: total(states, ({ idleMs }) => idleMs),
      backpressuredMs: total(states, ({ backpressuredMs }) => backpressuredMs),
      backlogBytes: total(states, ({ channels }) => total(channels, ({ backlogBytes }) => backlogBytes)),
      ended: states.every(({ ended }) => ended),
    }
  }

  #readOperator({ slots, counters, latency }: OperatorView, { name, kind }: PlanOperator): OperatorTotals {
    const sum = (slot: number): number => total(slots, (values) => values[slot])
    const named = new Map<string, number>()
    counters.forEach((names, worker) =>
      names.forEach((counter, index) => named.set(counter, (named.get(counter) ?? 0) + slots[worker][OperatorSlot.COUNTERS + index])),
    )
    return {
      name,
      rowsIn: sum(OperatorSlot.ROWS_IN),
      rowsOut: sum(OperatorSlot.ROWS_OUT),
      bytesIn: sum(OperatorSlot.BYTES_IN),
      bytesOut: sum(OperatorSlot.BYTES_OUT),
      lateRecords: sum(OperatorSlot.LATE_RECORDS),
      badRecords: sum(OperatorSlot.BAD_RECORDS),
      counters: Object.fromEntries(named),
      latency: kind === 'sink' ? this.#latency(latency) : undefined,
    }
  }

  #latency(all: readonly Int32Array[]): LatencyMetrics | undefined {
    const histogram = this.histograms?.build({ lowestDiscernibleValue: 1, highestTrackableValue: 2 ** 36, numberOfSignificantValueDigits: 3 })
    if (histogram === undefined) return undefined
    for (const buckets of all) forEachLatency(buckets, (micros, count) => histogram.recordValueWithCount(Math.max(1, Math.round(micros)), count))
    const { totalCount: count, maxValue } = histogram
    // The library gives the upper end of a bucket, which may lie above all that was measured.
    const ms = (percentile: number): number => Math.min(histogram.getValueAtPercentile(percentile), maxValue) / MICROS_PER_MS
    return { count, p50Ms: ms(50), p99Ms: ms(99), p999Ms: ms(99.9), maxMs: maxValue / MICROS_PER_MS }
  }
}

function readSubtask({ slots, channels }: SubtaskView, nowMs: number): SubtaskMetrics {
  const hasStarted = slots[MetricSlot.HAS_STARTED] === 1
  const ended = slots[MetricSlot.HAS_ENDED] === 1
  const backpressured = slots[MetricSlot.IS_BACKPRESSURED] === 1
  const isStepping = slots[MetricSlot.IS_STEPPING] === 1
  // A subtask that sleeps or is in the middle of a long step publishes nothing meanwhile.
  const sinceMs = hasStarted && !ended ? Math.max(0, nowMs - slots[MetricSlot.SINCE_MS]) : 0
  return {
    watermarkMs: hasStarted ? slots[MetricSlot.WATERMARK_MS] : -Infinity,
    busyMs: slots[MetricSlot.BUSY_MS] + (isStepping ? sinceMs : 0),
    idleMs: slots[MetricSlot.IDLE_MS] + (isStepping || backpressured ? 0 : sinceMs),
    backpressuredMs: slots[MetricSlot.BACKPRESSURED_MS] + (!isStepping && backpressured ? sinceMs : 0),
    backpressured,
    ended,
    channels: channels.map((channel): ChannelMetrics => {
      const { fromTask, fromSubtask, input, ring } = channel
      return {
        fromTask,
        fromSubtask,
        input,
        watermarkMs: hasStarted ? channel.slots[channel.watermarkSlot] : -Infinity,
        status: STATUS_NAMES[channel.slots[channel.statusSlot] as WatermarkStatus],
        backlogBytes: ring.backlogBytes(),
        capacityBytes: ring.capacityBytes,
      }
    }),
  }
}

function readWorker(slots: Float64Array): WorkerMetrics {
  const gc: GcMetrics = { count: slots[WorkerSlot.GC_COUNT], totalMs: slots[WorkerSlot.GC_TOTAL_MS], maxMs: slots[WorkerSlot.GC_MAX_MS] }
  return {
    slabBytes: slots[WorkerSlot.SLAB_BYTES],
    slabBytesPeak: slots[WorkerSlot.SLAB_BYTES_PEAK],
    slabBytesMax: slots[WorkerSlot.SLAB_BYTES_MAX],
    gc,
  }
}

/** Whether nothing in the chain reads an operator. */
function isChainEnd({ operators }: PlanTask, index: number): boolean {
  return operators.every(({ chainedTo }) => chainedTo !== operators[index].id)
}

function total<T>(items: readonly T[], valueOf: (item: T, index: number) => number): number {
  return items.reduce((sum, item, index) => sum + valueOf(item, index), 0)
}
