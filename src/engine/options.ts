// The registry of configuration options: what `--set`, `submit({ options })` and `env.set` accept. A value is checked once, where it enters, and
// kept as a canonical string: durations in milliseconds, sizes in bytes. So every reader may say Number(text).

import { PlanError } from '../base/errors.ts'
import { suggest } from '../base/suggest.ts'
import { CheckpointingMode } from '../runtime/checkpoint-options.ts'
import { RESTART_STRATEGY_TYPES } from './restart-strategy.ts'

/** What an option's text is read as. */
export type OptionType = 'string' | 'boolean' | 'integer' | 'number' | 'duration' | 'memory'

/** One option. */
export interface ConfigOption {
  /** Flink's key where Flink has one; ours begin with `millrace.`. */
  readonly key: string
  readonly type: OptionType
  /** Of the canonical value; undefined for those that measure nothing. */
  readonly unit: string | undefined
  /** As a user would write it; undefined if the value then follows from elsewhere, which the documentation says. */
  readonly default: string | undefined
  readonly documentation: string
  /** The texts that are taken, of a string that is one of several. */
  readonly choices?: readonly string[]
  /** Least and greatest canonical value of numbers. */
  readonly min?: number
  readonly max?: number
}

/** An option's value as it is kept. */
export interface ParsedOption {
  readonly key: string
  /** Canonical text. */
  readonly value: string
  /** Set for keys of Flink's that mean nothing here: why. The value has no effect. */
  readonly note: string | undefined
}

const OPTIONS: readonly ConfigOption[] = [
  {
    key: 'parallelism.default',
    type: 'integer',
    unit: undefined,
    default: undefined,
    min: 1,
    max: 32_768,
    documentation: 'Number of workers, and of subtasks of each operator that does not set its own. Default: the cores this process may use.',
  },
  {
    key: 'pipeline.name',
    type: 'string',
    unit: undefined,
    default: undefined,
    documentation: "Name of the job, shown everywhere. Default: the job file's name without its extension.",
  },
  {
    key: 'pipeline.max-parallelism',
    type: 'integer',
    unit: undefined,
    default: '128',
    min: 1,
    max: 32_768,
    documentation: 'Number of key groups: the ceiling of the parallelism for as long as the state of the job lives.',
  },
  {
    key: 'pipeline.auto-watermark-interval',
    type: 'duration',
    unit: 'ms',
    default: '200 ms',
    min: 0,
    documentation:
      "How often a watermark generator's onPeriodicEmit is called. 0: never. Watermarks that come from records follow every record, whatever this says: it changes no record's lateness.",
  },
  {
    key: 'execution.checkpointing.dir',
    type: 'string',
    unit: undefined,
    default: undefined,
    documentation:
      "Folder of the jobs' folders, in which checkpoints are kept. A job of the same name goes on from its newest one. Default: no checkpoints are taken.",
  },
  {
    key: 'execution.checkpointing.interval',
    type: 'duration',
    unit: 'ms',
    default: '10 s',
    min: 10,
    documentation: 'From the beginning of one checkpoint to that of the next. Needs execution.checkpointing.dir.',
  },
  {
    key: 'execution.checkpointing.mode',
    type: 'string',
    unit: undefined,
    default: 'EXACTLY_ONCE',
    choices: Object.values(CheckpointingMode),
    documentation:
      'EXACTLY_ONCE or AT_LEAST_ONCE: whether an operator holds inputs whose barrier has come until all have. If it does not, records that came behind a barrier may count twice after a restore.',
  },
  {
    key: 'execution.checkpointing.unaligned.enabled',
    type: 'boolean',
    unit: undefined,
    default: 'false',
    documentation:
      'Barriers overtake records that wait, and those become part of the checkpoint: it is complete however slowly records are processed. With EXACTLY_ONCE only.',
  },
  {
    key: 'execution.checkpointing.aligned-checkpoint-timeout',
    type: 'duration',
    unit: 'ms',
    default: '0 ms',
    min: 0,
    documentation:
      'How long a checkpoint may take before its barriers overtake records. 0: they do so at once. Needs execution.checkpointing.unaligned.enabled.',
  },
  {
    key: 'execution.checkpointing.min-pause',
    type: 'duration',
    unit: 'ms',
    default: '0 ms',
    min: 0,
    documentation: 'From the end of one checkpoint to the beginning of the next, at least.',
  },
  {
    key: 'execution.checkpointing.timeout',
    type: 'duration',
    unit: 'ms',
    default: '10 min',
    min: 10,
    documentation: 'A checkpoint that is not complete after so long is given up, and has failed.',
  },
  {
    key: 'execution.checkpointing.tolerable-failed-checkpoints',
    type: 'integer',
    unit: undefined,
    default: '0',
    min: 0,
    documentation: 'How many checkpoints in a row may fail without failing the job.',
  },
  {
    key: 'execution.checkpointing.num-retained',
    type: 'integer',
    unit: undefined,
    default: '3',
    min: 1,
    documentation: 'How many complete checkpoints are kept.',
  },
  {
    key: 'execution.checkpointing.incremental',
    type: 'boolean',
    unit: undefined,
    default: 'true',
    documentation: 'Whether a checkpoint may hold, of state that can tell, only what changed since the one before.',
  },
  {
    key: 'execution.state-recovery.path',
    type: 'string',
    unit: undefined,
    default: undefined,
    documentation:
      'Folder of a savepoint, or of a checkpoint, from which the job starts; millrace run --from-savepoint says the same. A job that has taken a checkpoint since then goes on from that. Default: none.',
  },
  {
    key: 'execution.state-recovery.ignore-unclaimed-state',
    type: 'boolean',
    unit: undefined,
    default: 'false',
    documentation:
      'Whether a job may start from a checkpoint or savepoint that holds state of operators which the job does not have: that state is dropped. millrace run --allow-non-restored-state says the same.',
  },
  {
    key: 'restart-strategy.type',
    type: 'string',
    unit: undefined,
    default: undefined,
    choices: RESTART_STRATEGY_TYPES,
    documentation:
      'When a job that has failed is started again: none, fixed-delay, failure-rate or exponential-delay. For millrace run it is given with --set; for an engine within a program by whoever submits the job, or by its program. Default: exponential-delay with execution.checkpointing.dir, else none.',
  },
  {
    key: 'restart-strategy.fixed-delay.attempts',
    type: 'integer',
    unit: undefined,
    default: '1',
    min: 0,
    documentation: 'How often a job is started again.',
  },
  {
    key: 'restart-strategy.fixed-delay.delay',
    type: 'duration',
    unit: 'ms',
    default: '1 s',
    min: 0,
    documentation: 'From a failure to the next start.',
  },
  {
    key: 'restart-strategy.failure-rate.max-failures-per-interval',
    type: 'integer',
    unit: undefined,
    default: '1',
    min: 0,
    documentation: 'One failure more within the interval ends the job.',
  },
  {
    key: 'restart-strategy.failure-rate.failure-rate-interval',
    type: 'duration',
    unit: 'ms',
    default: '1 min',
    min: 1,
    documentation: 'In which failures are counted.',
  },
  {
    key: 'restart-strategy.failure-rate.delay',
    type: 'duration',
    unit: 'ms',
    default: '1 s',
    min: 0,
    documentation: 'From a failure to the next start.',
  },
  {
    key: 'restart-strategy.exponential-delay.initial-backoff',
    type: 'duration',
    unit: 'ms',
    default: '1 s',
    min: 0,
    documentation: 'From the first failure to the next start.',
  },
  {
    key: 'restart-strategy.exponential-delay.max-backoff',
    type: 'duration',
    unit: 'ms',
    default: '1 min',
    min: 0,
    documentation: 'From a failure to the next start, at most.',
  },
  {
    key: 'restart-strategy.exponential-delay.backoff-multiplier',
    type: 'number',
    unit: undefined,
    default: '1.5',
    min: 1,
    documentation: 'By how much each delay is longer than the one before.',
  },
  {
    key: 'restart-strategy.exponential-delay.jitter-factor',
    type: 'number',
    unit: undefined,
    default: '0.1',
    min: 0,
    max: 1,
    documentation: 'The part of a delay by which it is longer or shorter, at random.',
  },
  {
    key: 'restart-strategy.exponential-delay.reset-backoff-threshold',
    type: 'duration',
    unit: 'ms',
    default: '1 h',
    min: 0,
    documentation: 'A job that has run for so long begins with the first delay again.',
  },
  {
    key: 'restart-strategy.exponential-delay.attempts-before-reset-backoff',
    type: 'integer',
    unit: undefined,
    default: undefined,
    min: 0,
    documentation: 'How often a job is started again in a row. Default: without end.',
  },
  {
    key: 'metrics.latency.interval',
    type: 'duration',
    unit: 'ms',
    default: '0 ms',
    min: 0,
    documentation: 'How often sources send a marker whose time to each sink is measured. 0: never.',
  },
  {
    key: 'state.backend.type',
    type: 'string',
    unit: undefined,
    default: 'memory',
    choices: ['memory', 'lmdb'],
    documentation:
      'Where keyed state is: memory, or lmdb: in memory as far as state.backend.lmdb.cache-size goes, the rest on disk. Keys with timers, or with windows of the general kind, are in memory always, and so is what windows keep for first, last, topN, countDistinct and the least or greatest text. A checkpoint of the one is read by the other.',
  },
  {
    key: 'state.backend.lmdb.dir',
    type: 'string',
    unit: undefined,
    default: undefined,
    documentation:
      'Folder on a local disk for state that is not in memory. Workers make folders of their own in it, which are removed with the job. Default: that of the system for temporary files, which may be memory.',
  },
  {
    key: 'state.backend.lmdb.cache-size',
    type: 'memory',
    unit: 'bytes',
    default: undefined,
    min: 1 << 20,
    max: 2 ** 32,
    documentation:
      'Keyed state of one worker that is kept in memory with state.backend.type=lmdb, shared by its operators. Default: a quarter of the memory of the worker.',
  },
  {
    key: 'millrace.batch.rows-max',
    type: 'integer',
    unit: 'rows',
    default: '8192',
    min: 1,
    max: 65_536,
    documentation: 'Rows that one batch holds at most.',
  },
  {
    key: 'millrace.channel.memory-max',
    type: 'memory',
    unit: 'bytes',
    default: '1 mb',
    min: 512,
    max: 2 ** 30,
    documentation:
      'Memory of one channel between two workers, rounded down to a power of two. Small ones hold senders back early. Channels of a worker share 64 mb.',
  },
  {
    key: 'millrace.worker.memory-max',
    type: 'memory',
    unit: 'bytes',
    default: undefined,
    min: 1 << 20,
    max: 2 ** 32,
    documentation:
      'Memory of one worker for batches, channels and state. Default: six tenths of the memory of the machine or container, shared by the workers of all jobs, at most 4 gb.',
  },
  {
    key: 'millrace.worker.hang-timeout',
    type: 'duration',
    unit: 'ms',
    default: '180 s',
    min: 1,
    documentation: 'A worker that stands still for so long inside one step fails the job; so does a coordinator that answers nothing.',
  },
  {
    key: 'millrace.job.answer-timeout',
    type: 'duration',
    unit: 'ms',
    default: '10 s',
    min: 100,
    documentation:
      'When a job is started that another process runs: how long that one may take to answer. If it does, this start is refused; if it hangs or was stopped, it is killed, and this start goes on with the job.',
  },
  {
    key: 'millrace.dev',
    type: 'boolean',
    unit: undefined,
    default: 'false',
    documentation:
      'Checks that cost time, for development (`run --dev`): a row that is kept after its function returned throws where it is used, a map that returns nothing where it was given.',
  },
]

/** Flink's keys (whole, or beginnings that end in a dot or dash) that name parts this engine does not have. */
const MEANINGLESS: readonly (readonly [string, string])[] = [
  ['taskmanager.', 'there are no task managers: workers are threads of one process'],
  ['jobmanager.', 'there is no job manager: the coordinator is a thread of this process'],
  ['resourcemanager.', 'there is no resource manager'],
  ['slotmanager.', 'there are no slots'],
  ['slot.', 'there are no slots'],
  ['cluster.', 'there is no cluster'],
  ['cluster-id', 'there is no cluster'],
  ['kubernetes.', 'nothing is deployed to Kubernetes'],
  ['yarn.', 'nothing is deployed to YARN'],
  ['high-availability', 'there is one process'],
  ['zookeeper.', 'there is one process'],
  ['akka.', 'there is no remote procedure call'],
  ['pekko.', 'there is no remote procedure call'],
  ['blob.', 'there is no blob server'],
  ['env.java.', 'there is no Java'],
  ['env.', 'there are no daemons to start'],
  ['classloader.', 'there are no class loaders'],
  ['python.', 'there is no Python'],
  ['security.kerberos.', 'there is no Kerberos'],
  ['jobstore.', 'there is no job archive'],
  ['historyserver.', 'there is no history server'],
  ['state.backend.rocksdb.', 'there is no RocksDB'],
  ['execution.target', 'a job runs in this process'],
  ['execution.attached', 'a job runs in this process'],
  ['execution.shutdown-on-attached-exit', 'a job runs in this process'],
  ['execution.runtime-mode', 'every job is a stream; bounded input ends it'],
  ['execution.batch.', 'every job is a stream'],
  ['execution.batch-shuffle-mode', 'every job is a stream'],
  ['pipeline.jars', 'there are no jars'],
  ['pipeline.classpaths', 'there are no class paths'],
  ['pipeline.object-reuse', 'rows are always reused; row.toObject() keeps one'],
  ['pipeline.generic-types', 'there is no type extraction'],
  ['pipeline.force-kryo', 'there is no Kryo'],
  ['pipeline.force-avro', 'there is no Kryo'],
  ['pipeline.closure-cleaner-level', 'closures are not shipped: every thread imports the job'],
  ['pipeline.registered-kryo-types', 'there is no Kryo'],
  ['pipeline.registered-pojo-types', 'there is no type extraction'],
  ['pipeline.default-kryo-serializers', 'there is no Kryo'],
  ['pipeline.vertex-description-mode', 'plans are printed in one way'],
  ['pipeline.vertex-name-include-index-prefix', 'plans are printed in one way'],
]

/** Flink's keys that will mean something here and do not yet. Refused, since a user would rely on them. */
const UNSUPPORTED: readonly string[] = [
  'execution.checkpointing.',
  'execution.savepoint',
  'execution.buffer-timeout',
  'execution.state-recovery.',
  'restart-strategy',
  'state.',
  'metrics.',
  'rest.',
  'web.',
]
/** What only queries read. */
const SQL: readonly string[] = ['table.', 'sql-client.']

/** Older names of Flink's, and what they are called now. */
const RENAMED: ReadonlyMap<string, string> = new Map([['execution.savepoint.path', 'execution.state-recovery.path']])

const BY_KEY: ReadonlyMap<string, ConfigOption> = new Map(OPTIONS.map((option) => [option.key, option]))

/** All options, in the order in which they are documented. */
export function configOptions(): readonly ConfigOption[] {
  return OPTIONS
}

/**
 * Reads one option.
 *
 * @throws {PlanError} `UNKNOWN_OPTION`, with the key that was probably meant; `UNSUPPORTED_OPTION` for what only Flink has so far;
 * `INVALID_OPTION` for a value that is none.
 */
export function parseOption(key: string, text: string): ParsedOption {
  const option = BY_KEY.get(RENAMED.get(key) ?? key)
  if (option !== undefined) return { key: option.key, value: canonical(option, text.trim()), note: undefined }
  const meaningless = MEANINGLESS.find(([start]) => isBelow(key, start))
  if (meaningless !== undefined) return { key, value: text, note: `${key} has no effect: ${meaningless[1]}` }
  if (SQL.some((start) => isBelow(key, start)))
    throw new PlanError('UNSUPPORTED_OPTION', `Cannot set "${key}" here: it is an option of SQL`, {
      hint: 'SQL scripts take it: `millrace run script.sql`, `millrace sql`.',
    })
  if (UNSUPPORTED.some((start) => isBelow(key, start)))
    throw new PlanError('UNSUPPORTED_OPTION', `Cannot set "${key}": this version does not support it`, { hint: '`millrace options` lists what it does.' })
  const near = suggest(key, BY_KEY.keys())
  throw new PlanError('UNKNOWN_OPTION', `Cannot set "${key}": there is no such option`, {
    hint: near === undefined ? '`millrace options` lists all options.' : `Did you mean "${near}"? \`millrace options\` lists all options.`,
  })
}

/**
 * Splits `key=value`; the value may hold more equals signs.
 *
 * @throws {PlanError} As {@link parseOption}; `INVALID_OPTION` if there is no equals sign.
 */
export function parseSetting(setting: string): ParsedOption {
  const equals = setting.indexOf('=')
  if (equals < 1)
    throw new PlanError('INVALID_OPTION', `Cannot read the setting "${setting}": expected key=value`, {
      hint: 'For example --set millrace.batch.rows-max=1024.',
    })
  return parseOption(setting.slice(0, equals).trim(), setting.slice(equals + 1))
}

/** An entry that ends in a dot names everything below it; any other names itself and everything below it. */
function isBelow(key: string, start: string): boolean {
  return start.endsWith('.') ? key.startsWith(start) : key === start || key.startsWith(`${start}.`)
}

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ...{ '': 1, ms: 1, milli: 1, millis: 1, millisecond: 1, milliseconds: 1 },
  ...{ s: 1000, sec: 1000, secs: 1000, second: 1000, seconds: 1000 },
  ...{ m: 60_000, min: 60_000, minute: 60_000, minutes: 60_000 },
  ...{ h: 3_600_000, hour: 3_600_000, hours: 3_600_000 },
  ...{ d: 86_400_000, day: 86_400_000, days: 86_400_000 },
}
/** As in Flink a kilobyte has 1,024 bytes, however it is written. */
const MEMORY_UNITS: Readonly<Record<string, number>> = {
  ...{ '': 1, b: 1, bytes: 1 },
  ...{ k: 2 ** 10, kb: 2 ** 10, kib: 2 ** 10, kibibytes: 2 ** 10 },
  ...{ m: 2 ** 20, mb: 2 ** 20, mib: 2 ** 20, mebibytes: 2 ** 20 },
  ...{ g: 2 ** 30, gb: 2 ** 30, gib: 2 ** 30, gibibytes: 2 ** 30 },
  ...{ t: 2 ** 40, tb: 2 ** 40, tib: 2 ** 40, tebibytes: 2 ** 40 },
}

/** What values an option takes. */
export type OptionValues = Pick<ConfigOption, 'key' | 'type' | 'unit' | 'choices' | 'min' | 'max'>

/** The canonical text of an option's value. @throws {PlanError} `INVALID_OPTION` */
export function canonical(option: OptionValues, text: string): string {
  switch (option.type) {
    case 'string':
      if (text === '') refuse(option, text, 'a text that is not empty')
      if (option.choices !== undefined && !option.choices.includes(text)) refuse(option, text, `one of ${option.choices.join(', ')}`)
      return text
    case 'boolean': {
      const truth = text.toLowerCase()
      if (truth !== 'true' && truth !== 'false') refuse(option, text, 'true or false')
      return truth
    }
    case 'integer':
      return inRange(option, text, /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN, 'an integer')
    case 'number': {
      const value = /^[+-]?\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN
      const { min = -Infinity, max = Infinity } = option
      if (!(value >= min && value <= max)) refuse(option, text, max === Infinity ? `a number of at least ${min}` : `a number in ${min}..${max}`)
      return String(value)
    }
    case 'duration':
      return inRange(option, text, durationMsOf(text), DURATION_EXPECTED)
    case 'memory':
      return inRange(option, text, bytesOf(text), MEMORY_EXPECTED)
  }
}

/** What to write for a duration, and for a size: for errors. */
export const DURATION_EXPECTED = 'a duration like 500 ms, 10 s or 2 min'
export const MEMORY_EXPECTED = 'a size like 512 mb or 2 gb'

/** The milliseconds of a duration as options have it, `10 s`; NaN if it is none. */
export function durationMsOf(text: string): number {
  return measure(text, DURATION_UNITS)
}

/** The bytes of a size as options have it, `128 mb`; NaN if it is none. */
export function bytesOf(text: string): number {
  return measure(text, MEMORY_UNITS)
}

function measure(text: string, units: Readonly<Record<string, number>>): number {
  const match = /^(\d+)\s*([a-z]*)$/.exec(text.trim().toLowerCase())
  if (match === null || !Object.hasOwn(units, match[2])) return Number.NaN
  return Number(match[1]) * units[match[2]]
}

function inRange(option: OptionValues, text: string, value: number, expected: string): string {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = option
  if (Number.isNaN(value)) refuse(option, text, expected)
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    const unit = option.unit === undefined ? '' : ` ${option.unit}`
    refuse(option, text, option.max === undefined ? `at least ${min}${unit}` : `${expected} in ${min}..${max}${unit}`)
  }
  return String(value)
}

function refuse(option: OptionValues, text: string, expected: string): never {
  throw new PlanError('INVALID_OPTION', `Cannot set ${option.key} to "${text}": expected ${expected}`)
}
