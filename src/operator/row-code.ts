// Generates the code that turns column slots into the row objects of user functions, and user values back into columns: one monomorphic
// loop per operator instance. Column names never enter the text: they are constants `k[i]`. The meaning is that of batch/values.ts.

import { inspect } from 'node:util'
import { assert } from '../base/assert.ts'
import { BadRecordError, UserFunctionError } from '../base/errors.ts'
import type { Column } from '../batch/column.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import { isObjectSchema, isText, type LogicalType, physicalKindOf, type Schema } from '../batch/types.ts'
import { BATCH_ROW, decodeText, objectOf, readValue, unitMsOf, writeText, writeValue } from '../batch/values.ts'
import { PhysicalKind } from '../kernels/column-layout.ts'
import { refusePromise } from './function.ts'

/** Typed-array views as the generated code names them, in the order of the factory's `bind` argument. */
const VIEWS = ['u8', 'i8', 'i16', 'i32', 'u32', 'f32', 'f64', 'i64'] as const

/** The reading half of a generated loop: declarations, the row object, and the statements that bind a batch. */
interface ReaderCode {
  readonly declarations: string
  readonly bind: string
  /** Expression for the record at physical row `i`. */
  readonly record: string
  /** Statement behind the last record of a run: rows given out before are no longer good. Empty where that is not checked. */
  readonly release: string
}

/** Configuration option: rows that are read after the function has returned throw. */
export const DEV_OPTION = 'millrace.dev'

/** Which helpers generated code calls: passed to the factory under these names. */
const HELPERS = { readValue, decodeText, writeField, writeText, retained, refusePromise, refuseUndefined, objectOf, columnOf, rowMethods }

/** A frame of generated code in a stack. */
const GENERATED_FRAME = /\bmillrace-[a-z]+(?:-[a-z]+)*-\d+\.js:/

/** @throws {UserFunctionError} `ROW_RETAINED`, whose stack begins at the line that read the row. */
function retained(column: string): never {
  const error = new UserFunctionError('ROW_RETAINED', `Cannot read column "${column}": the row was kept after the function had returned`, {
    hint: 'Keep row.toObject() instead of the row.',
  })
  Error.captureStackTrace(error, retained)
  const [head, ...frames] = error.stack!.split('\n')
  error.stack = [head, ...frames.slice(frames.findIndex((frame) => !GENERATED_FRAME.test(frame)))].join('\n')
  throw error
}

/** Gives a row object one of its columns. */
function columnOf(row: object, name: string, get: () => unknown): void {
  Object.defineProperty(row, name, { get, enumerable: true, configurable: true })
}

/** Gives a row object what is not a column: copying it, also to show it, and the mark. */
function rowMethods(row: object): object {
  const toObject = (): object => ({ ...row })
  return Object.defineProperties(row, { toObject: { value: toObject }, [inspect.custom]: { value: toObject }, [BATCH_ROW]: { value: true } })
}

/** {@link writeValue} whose error names the column. */
function writeField(column: Column, row: number, value: unknown, name: string): void {
  try {
    writeValue(column, row, value)
  } catch (error) {
    if (!(error instanceof BadRecordError)) throw error
    throw new BadRecordError(error.code, error.message.replace(/^Cannot/, `Cannot write column "${name}": cannot`))
  }
}

/** @throws {UserFunctionError} `UNDEFINED_RETURNED`, whose stack begins where the program gave the function. */
function refuseUndefined(stage: RowStage): never {
  const error = new UserFunctionError('UNDEFINED_RETURNED', 'Cannot take undefined as a record: the function given to map has returned nothing', {
    hint: 'Return a value from the function, null for none; use forEach for a function of no result.',
  })
  const [head] = error.stack!.split('\n')
  const [, ...frames] = (stage.kind === 'map' ? stage.given?.stack : undefined)?.split('\n') ?? []
  error.stack = [head, ...frames].join('\n')
  throw error
}

function isSafeNumber(type: LogicalType): boolean {
  switch (type.kind) {
    case 'BIGINT':
      return type.safeInteger
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return type.precision <= 3
    case 'INTERVAL_DAY_TIME':
      return true
    default:
      return false
  }
}

/** Expression that reads a NOT NULL, plain-encoded slot at row `i`; undefined for kinds that go through {@link readValue}. `b` is the base variable. */
function slotExpression(type: LogicalType, kind: PhysicalKind, b: string): string | undefined {
  switch (kind) {
    case PhysicalKind.BIT:
      return `(u8[${b} + (i >>> 3)] >>> (i & 7) & 1) === 1`
    case PhysicalKind.INT8:
      return `i8[${b} + i]`
    case PhysicalKind.INT16:
      return `i16[${b} + i]`
    case PhysicalKind.INT32:
      return `i32[${b} + i]`
    case PhysicalKind.FLOAT32:
      return `f32[${b} + i]`
    case PhysicalKind.FLOAT64:
      return `f64[${b} + i]`
    case PhysicalKind.INT64:
      if (isSafeNumber(type)) return `i32[${b} + i * 2 + 1] * 4294967296 + u32[${b} + i * 2]`
      return type.kind === 'BIGINT' ? `i64[${b} + i]` : undefined
    default:
      return undefined
  }
}

/** By how much a byte address is shifted to index the view that {@link slotExpression} reads. */
function slotShift(type: LogicalType, kind: PhysicalKind): number {
  switch (kind) {
    case PhysicalKind.INT16:
      return 1
    case PhysicalKind.INT32:
    case PhysicalKind.FLOAT32:
      return 2
    case PhysicalKind.FLOAT64:
      return 3
    case PhysicalKind.INT64:
      return isSafeNumber(type) ? 2 : 3
    default:
      return 0
  }
}

/*
 * The reader: a row object with own enumerable accessors over variables of the enclosing function. Per column c:
 *   b<c> base index of the values   n<c> address of the validity bits, 0 = no NULL   q<c> the Column   s<c>, r<c> cached string and its row
 * `names` is the variable that holds the column names. With `isDev` each record gets a row object of its own, which knows whether it is the
 * one given out last. Otherwise there is one, made by a constructor that makes no other: of two objects with accessors of the same names that begin
 * with the same shape, V8 turns the second into a dictionary, whose accessors are not inlined (10 ns a read for 3) and whose copies take 1.2 us for
 * 0.1. The prototype is that of plain objects.
 */
function readerCode(schema: Schema, isDev: boolean, names: string = 'k'): ReaderCode {
  if (isObjectSchema(schema)) return { declarations: 'let objects = []', bind: 'objects = batch.columns[0].objects', record: 'objects[i]', release: '' }
  const declarations: string[] = []
  const bind: string[] = []
  const accessors: string[] = []
  schema.fields.forEach(({ type }, c) => {
    const kind = physicalKindOf(type)
    const slot = slotExpression(type, kind, `b${c}`)
    const text = kind === PhysicalKind.BYTES && isText(type)
    declarations.push(`let q${c} = null, b${c} = 0, n${c} = 0, p${c} = false`)
    bind.push(
      `q${c} = batch.columns[${c}]; p${c} = q${c}.dictionary === null; b${c} = q${c}.values >>> ${slotShift(type, kind)}; n${c} = q${c}.nullCount === 0 ? 0 : q${c}.validity`,
    )
    const alive = isDev ? `if (mine !== live) retained(${names}[${c}]); ` : ''
    const guard =
      alive + (type.nullable && kind !== PhysicalKind.OBJECT ? `if (n${c} !== 0 && (u8[n${c} + (i >>> 3)] >>> (i & 7) & 1) === 0) return null; ` : '')
    if (slot !== undefined) accessors.push(`${guard}return ${slot}`)
    else if (text) {
      declarations.push(`let s${c} = '', r${c} = -1, o${c} = 0, d${c} = 0`)
      bind.push(`r${c} = -1; o${c} = q${c}.offsets >>> 2; d${c} = q${c}.data`)
      accessors.push(
        `${guard}if (r${c} !== i) { s${c} = p${c} ? decodeText(u8, d${c} + i32[o${c} + i], d${c} + i32[o${c} + i + 1]) : readValue(q${c}, i); r${c} = i } return s${c}`,
      )
    } else {
      declarations.push(`let s${c}, r${c} = -1`)
      bind.push(`r${c} = -1`)
      accessors.push(`${guard}if (r${c} !== i) { s${c} = readValue(q${c}, i); r${c} = i } return s${c}`)
    }
  })
  if (isDev) {
    const members = accessors.map((body, c) => `get [${names}[${c}]]() { ${body} }`)
    declarations.push(`let live = 0\n  function fresh() {\n  const mine = ++live\n  return rowMethods({ ${members.join(', ')} })\n  }`)
  } else {
    const columns = accessors.map((body, c) => `columnOf(this, ${names}[${c}], () => { ${body} })`)
    declarations.push(`function Row() { ${columns.join('; ')} }`, 'Row.prototype = Object.prototype', 'const row = rowMethods(new Row())')
  }
  return { declarations: declarations.join('\n  '), bind: bind.join('\n    '), record: isDev ? 'fresh()' : 'row', release: isDev ? 'live++' : '' }
}

/*
 * The writer: puts the value `v` of a user function at row `n` of the output columns. Common types are checked and stored inline, the
 * others (and every value that fails the check, for its error) go through writeValue. `m` holds the column names.
 */
function writerCode(schema: Schema): { declarations: string; bind: string; write: string } {
  if (isObjectSchema(schema)) return { declarations: 'let out = []', bind: 'out = target.columns[0].objects', write: 'out[n] = objectOf(v)' }
  const declarations: string[] = []
  const bind: string[] = []
  const write: string[] = []
  schema.fields.forEach(({ type }, c) => {
    const kind = physicalKindOf(type)
    declarations.push(`let w${c} = null, t${c} = 0`)
    bind.push(`w${c} = target.columns[${c}]; t${c} = w${c}.values >>> ${slotShift(type, kind)}`)
    const store = storeCode(type, kind, c)
    const slow = `writeField(w${c}, n, x, m[${c}])`
    // A nullable column goes the short way only until its first NULL: afterwards its bits must be kept, which writeValue does.
    const plain = type.nullable ? `w${c}.nullCount === 0 && ` : ''
    write.push(
      store === undefined ? `{ const x = v[m[${c}]]; ${slow} }` : `{ const x = v[m[${c}]]; if (${plain}${store.check}) { ${store.store} } else ${slow} }`,
    )
  })
  return { declarations: declarations.join('\n  '), bind: bind.join('\n    '), write: write.join('\n        ') }
}

function storeCode(type: LogicalType, kind: PhysicalKind, c: number): { check: string; store: string } | undefined {
  switch (kind) {
    case PhysicalKind.INT32:
      return type.kind === 'TIME' ? undefined : { check: `x === (x | 0)`, store: `i32[t${c} + n] = x` }
    case PhysicalKind.FLOAT64:
      return { check: `typeof x === 'number'`, store: `f64[t${c} + n] = x` }
    case PhysicalKind.FLOAT32:
      return { check: `typeof x === 'number'`, store: `f32[t${c} + n] = x` }
    case PhysicalKind.INT64:
      if (isSafeNumber(type))
        return {
          check: `Number.isSafeInteger(x)`,
          store: `${cutCode(type)}const h = Math.floor(y / 4294967296); i32[t${c} + n * 2 + 1] = h; u32[t${c} + n * 2] = y - h * 4294967296`,
        }
      return type.kind === 'BIGINT' ? { check: `typeof x === 'bigint' && BigInt.asIntN(64, x) === x`, store: `i64[t${c} + n] = x` } : undefined
    case PhysicalKind.BIT:
      return { check: `typeof x === 'boolean'`, store: `const a = t${c} + (n >>> 3); u8[a] = x ? u8[a] | 1 << (n & 7) : u8[a] & ~(1 << (n & 7))` }
    default:
      return undefined
  }
}

/** Declares `y`, the safe integer `x` in whole units of the type's precision. */
function cutCode(type: LogicalType): string {
  const unitMs = 'precision' in type ? unitMsOf(type.precision) : 1
  return unitMs === 1 ? 'const y = x; ' : `const y = x - (x % ${unitMs} + ${unitMs}) % ${unitMs}; `
}

const viewDeclarations = `let ${VIEWS.map((view) => `${view} = null`).join(', ')}`
const viewBind = VIEWS.map((view) => `${view} = slab.${view}`).join('; ')

/** Statement that refuses the value of a user function in variable `v` if it is a promise. Numbers and texts pay one test of their type. */
const refuseIn = (v: string): string => `if (typeof ${v} === 'object' && ${v} !== null && ${v}.then !== undefined) refusePromise(${v}); `

let sequence = 0

/** Runs generated text as a function body with the helpers in scope. */
function build(kind: string, parameters: readonly string[], body: string, values: readonly unknown[]): unknown {
  const names = Object.keys(HELPERS)
  const text = `'use strict'\n${body}\n//# sourceURL=millrace-${kind}-${++sequence}.js`
  return (new Function(...names, ...parameters, text) as (...args: unknown[]) => unknown)(...Object.values(HELPERS), ...values)
}

/**
 * Reads the rows of batches of one schema as objects: `bind` a batch, `seek` a physical row, use `record()`. The row object is the same
 * each time; it shows the row last sought. Where user functions run by the thousand, use {@link compileRowLoop} instead.
 */
export interface RowReader {
  bind(batch: RecordBatch): void
  seek(physicalRow: number): void
  /** The record at the sought row: the shared row object, or the value itself for object schemas. Ask once a row. */
  record(): unknown
  /** The records given out are no longer good: call behind the last one of a batch, before user code runs that did not get one. */
  release(): void
}

/**
 * Compiles a {@link RowReader} of its own for one caller (sharing one would make its call sites megamorphic).
 *
 * @param isDev Here and below: rows that are read after the function has returned throw `ROW_RETAINED`; a map that returns nothing throws too.
 */
export function compileRowReader(schema: Schema, isDev: boolean = false): RowReader {
  const reader = readerCode(schema, isDev)
  const body = `
  let i = 0
  ${viewDeclarations}
  ${reader.declarations}
  return {
    bind(batch) { const slab = batch.slab; ${viewBind}
    ${reader.bind} },
    seek(row) { i = row },
    record() { return ${reader.record} },
    release() { ${reader.release} },
  }`
  return build('row-reader', ['k'], body, [schema.fields.map((field) => field.name)]) as RowReader
}

/** Writes user values as rows of batches of one schema. */
export interface RowWriter {
  /** Binds the batch that is written next; call again after its columns have grown. */
  bind(target: RecordBatch): void
  /** @throws {BadRecordError} If the value does not fit the schema. */
  write(row: number, value: unknown): void
}

/** Compiles a {@link RowWriter} of its own for one caller. */
export function compileRowWriter(schema: Schema): RowWriter {
  const writer = writerCode(schema)
  const body = `
  ${viewDeclarations}
  ${writer.declarations}
  return {
    bind(target) { const slab = target.slab; ${viewBind}
    ${writer.bind} },
    write(n, v) { ${writer.write} },
  }`
  return build('row-writer', ['m'], body, [schema.fields.map((field) => field.name)]) as RowWriter
}

/** One user function of a fused loop. */
export type RowStage =
  /** `given` was made where the program gave the function: its stack names the place. */
  | { readonly kind: 'map'; readonly fn: (value: never) => unknown; readonly given?: Error }
  | { readonly kind: 'filter'; readonly fn: (value: never) => unknown }
  /** The function returns an iterable, or pushes through the collector it gets as second argument. */
  | { readonly kind: 'flatMap'; readonly fn: (value: never, out: { collect(value: unknown): void }) => Iterable<unknown> | void }

/**
 * A compiled loop over rows. `run` processes logical positions `from..to` of the bound batch and stops early when the output holds
 * `rowsMax` rows or more; it returns the position reached. `count` is the number of rows in the output.
 */
export interface RowLoop {
  bind(batch: RecordBatch, target: RecordBatch): void
  run(from: number, to: number, rowsMax: number): number
  count: number
  /** The stage whose function was running: for the error after it threw. */
  readonly stage: number
}

/**
 * Compiles a chain of user functions into one loop without columns between them.
 *
 * @param ensureRows Makes room in the target for at least this many rows; the loop rebinds afterwards.
 */
export function compileRowLoop(
  input: Schema,
  stages: readonly RowStage[],
  output: Schema,
  ensureRows: (rows: number) => void,
  isDev: boolean = false,
): RowLoop {
  assert(stages.length > 0, 'a row loop needs a stage')
  const reader = readerCode(input, isDev)
  const writer = writerCode(output)
  const object = isObjectSchema(output)
  // The rest of a record's way, from stage `s` on, with the value so far in variable `x<s>`.
  const emit = (value: string): string =>
    `{ const v = ${value}; const n = count; if (n >= capacity) grow(n + 1); ${object ? '' : 'checkRow(v); '}${writer.write}; copyMeta(n); count = n + 1 }`
  const functions: string[] = []
  const stageCode = (s: number): string => {
    if (s === stages.length) return emit(`x${s}`)
    const setStage = `stage = ${s}; `
    switch (stages[s].kind) {
      case 'map':
        return `${setStage}const x${s + 1} = f${s}(x${s}); ${isDev ? `if (x${s + 1} === undefined) refuseUndefined(stages[${s}]); ` : ''}${refuseIn(`x${s + 1}`)}${stageCode(s + 1)}`
      case 'filter':
        return `${setStage}const passes${s} = f${s}(x${s}); ${refuseIn(`passes${s}`)}if (passes${s}) { const x${s + 1} = x${s}; ${stageCode(s + 1)} }`
      case 'flatMap':
        functions.push(`function rest${s}(x${s + 1}) { ${refuseIn(`x${s + 1}`)}${stageCode(s + 1)} }`, `const collector${s} = { collect: rest${s} }`)
        return `${setStage}const many = f${s}(x${s}, collector${s}); if (many !== undefined && many !== null) { ${refuseIn('many')}for (const one of many) rest${s}(one) }`
    }
  }
  const body = stageCode(0)
  const text = `
  let i = 0, count = 0, capacity = 0, stage = 0, selection = 0, batch = null, target = null
  let fromTimes = 0, toTimes = 0, fromKinds = 0, toKinds = 0
  ${viewDeclarations}
  ${reader.declarations}
  ${writer.declarations}
  ${stages.map((_, s) => `const f${s} = stages[${s}].fn`).join('; ')}
  function views(slab) { ${viewBind} }
  function bindTarget() {
    capacity = target.columns[0].rowCapacity
    ${writer.bind}
    toTimes = target.timestamps >>> 2; toKinds = target.kinds
  }
  function grow(rows) { ensureRows(rows); views(target.slab); bindTarget() }
  function checkRow(v) { if (v === null || typeof v !== 'object') throw new TypeError('Cannot write a row: the function must return an object with the declared columns') }
  function copyMeta(n) {
    if (fromTimes !== 0) { i32[toTimes + n * 2] = i32[fromTimes + i * 2]; i32[toTimes + n * 2 + 1] = i32[fromTimes + i * 2 + 1] }
    if (fromKinds !== 0) u8[toKinds + n] = u8[fromKinds + i]
  }
  ${functions.join('\n  ')}
  return {
    get count() { return count }, set count(rows) { count = rows }, get stage() { return stage },
    bind(source, sink) {
      batch = source; target = sink; views(batch.slab)
      ${reader.bind}
      selection = batch.selection >>> 2; fromTimes = batch.timestamps >>> 2; fromKinds = batch.kinds
      bindTarget()
    },
    run(from, to, rowsMax) {
      let position = from
      if (selection === 0) for (; position < to && count < rowsMax; position++) { i = position; const x0 = ${reader.record}; ${body} }
      else for (; position < to && count < rowsMax; position++) { i = i32[selection + position]; const x0 = ${reader.record}; ${body} }
      ${reader.release}
      return position
    },
  }`
  const names = (schema: Schema): string[] => schema.fields.map((field) => field.name)
  return build('row-loop', ['k', 'm', 'stages', 'ensureRows'], text, [names(input), names(output), stages, ensureRows]) as RowLoop
}

/** A compiled filter over rows: writes the physical rows that pass as int32 at `selection`, from index `count` on. */
export interface RowFilter {
  bind(batch: RecordBatch): void
  /** Tests logical positions `from..to`; returns the new count. */
  run(from: number, to: number, selection: number, count: number): number
  /** The filter that was running: for the error after it threw. */
  readonly stage: number
}

/** Compiles filters into one loop that selects rows; nothing is copied. */
export function compileRowFilter(input: Schema, filters: readonly ((value: never) => unknown)[], isDev: boolean = false): RowFilter {
  const reader = readerCode(input, isDev)
  const tests = filters.map((_, s) => `(stage = ${s}, t = f${s}(x), typeof t === 'object' && refusePromise(t), t)`)
  // Without a branch where the last filter says true or false: half of the rows pass, and nobody can tell which half.
  const last = filters.length - 1
  const select = `const x = ${reader.record}; ${last === 0 ? '' : `if (${tests.slice(0, last).join(' && ')}) `}{ stage = ${last}; const passes = f${last}(x)
        if (passes === true || passes === false) { i32[at + count] = i; count = count + (passes & 1) | 0 }
        else { if (typeof passes === 'object') refusePromise(passes); if (passes) i32[at + count++] = i } }`
  const text = `
  let i = 0, stage = 0, rows = 0, t = false
  ${viewDeclarations}
  ${reader.declarations}
  ${filters.map((_, s) => `const f${s} = fns[${s}]`).join('; ')}
  return {
    get stage() { return stage },
    bind(batch) { const slab = batch.slab; ${viewBind}
    ${reader.bind}
    rows = batch.selection >>> 2 },
    run(from, to, selection, count) {
      const at = selection >>> 2
      if (rows === 0) for (let position = from; position < to; position++) { i = position; ${select} }
      else for (let position = from; position < to; position++) { i = i32[rows + position]; ${select} }
      ${reader.release}
      return count
    },
  }`
  return build('row-filter', ['k', 'fns'], text, [input.fields.map((field) => field.name), filters]) as RowFilter
}

/** What a process loop calls. */
export interface ProcessLoopOptions {
  /** The method that takes the records of each input, and whether they have keys. */
  readonly inputs: readonly { readonly schema: Schema; readonly method: string; readonly keyed: boolean }[]
  readonly output: Schema
  /** The object whose methods are called: the one named for each input, and `onTimer`. */
  readonly fn: object
  /** Makes room in the target for at least this many rows; the loop rebinds afterwards. */
  readonly ensureRows: (rows: number) => void
  /** Where keys are made current; undefined = no input has any. */
  readonly keys: { select(key: number): void } | undefined
  readonly isDev?: boolean
}

/** Timers that a process loop fires: see `TimerDomain`. */
interface FiringTimers {
  poll(upToMs: number): boolean
  readonly firedMs: number
}

/**
 * A compiled loop over rows that calls a process function with (record, context, collector).
 */
export interface ProcessLoop {
  /** The context given with the records of each input; timers get the first. Set before the first call. */
  contexts: readonly unknown[]
  /** Whether the timer that fired last is one of event time. */
  readonly firedEventTime: boolean
  /** Rows in the target. */
  count: number
  readonly collector: { collect(value: unknown): void }
  bindTarget(target: RecordBatch): void
  bindSource(input: number, batch: RecordBatch): void
  /**
   * Processes logical positions `from..to` of the source of an input; stops early when the target holds `rowsMax` rows or more. `keys` is the address
   * of u32 key handles, the first one that of position `from`.
   *
   * @returns The position reached.
   */
  run(input: number, from: number, to: number, rowsMax: number, keys: number): number
  /** Fires timers up to `upToMs`; returns whether all have fired, false if the target holds `rowsMax` rows or `timersMax` have fired before. */
  fire(timers: FiringTimers, upToMs: number, rowsMax: number, isEventTime: boolean, timersMax: number): boolean
  /** Event time of the record or timer, -Infinity without one. */
  timestamp(): number
  /** Writes that time as an int64; without one the smallest int64. */
  stamp(address: number): void
}

/** Compiles a {@link ProcessLoop}. */
export function compileProcessLoop({ inputs, output, fn, ensureRows, keys, isDev = false }: ProcessLoopOptions): ProcessLoop {
  const writer = writerCode(output)
  const object = isObjectSchema(output)
  const runner = ({ schema, method, keyed }: ProcessLoopOptions['inputs'][number], index: number): string => {
    const reader = readerCode(schema, isDev, `k${index}`)
    const call = `${keyed ? 'keys.select(u32[handle++]); ' : ''}const r = fn.${method}(${reader.record}, context${index}, collector); if (r !== undefined) refusePromise(r)`
    return `
  const runner${index} = (() => {
    ${reader.declarations}
    return {
      bind(batch) { ${reader.bind} },
      run(from, to, rowsMax, handle) {
        let position = from
        if (selection === 0) for (; position < to && count < rowsMax; position++) { i = position; ${call} }
        else for (; position < to && count < rowsMax; position++) { i = i32[selection + position]; ${call} }
        ${reader.release}
        return position
      },
    }
  })()`
  }
  const text = `
  let i = 0, count = 0, capacity = 0, selection = 0, target = null, contexts = []
  let ${inputs.map((_, index) => `context${index} = null`).join(', ')}
  // fired: 0 = a record is processed, 1 = a timer with a timestamp fires, 2 = one without.
  let fromTimes = 0, toTimes = 0, fired = 0, firedMs = 0, eventTime = false
  ${viewDeclarations}
  ${writer.declarations}
  function views(slab) { ${viewBind} }
  function bindTarget() {
    capacity = target.columns[0].rowCapacity
    ${writer.bind}
    toTimes = target.timestamps >>> 2
  }
  function grow(rows) { ensureRows(rows); views(target.slab); bindTarget() }
  function checkRow(v) { if (v === null || typeof v !== 'object') throw new TypeError('Cannot write a row: the function must collect an object with the declared columns') }
  function writeTime(at) {
    if (fired === 1) { const high = Math.floor(firedMs / 4294967296); i32[at + 1] = high; u32[at] = firedMs - high * 4294967296 }
    else if (fired === 0 && fromTimes !== 0) { i32[at] = i32[fromTimes + i * 2]; i32[at + 1] = i32[fromTimes + i * 2 + 1] }
    else { i32[at] = 0; i32[at + 1] = -2147483648 }
  }
  function collect(v) {
    ${refuseIn('v')}
    const n = count
    if (n >= capacity) grow(n + 1)
    ${object ? '' : 'checkRow(v)'}
    ${writer.write}
    if (toTimes !== 0) writeTime(toTimes + n * 2)
    count = n + 1
  }
  const collector = { collect }
  ${inputs.map(runner).join('')}
  return {
    get contexts() { return contexts },
    set contexts(list) { contexts = list; ${inputs.map((_, index) => `context${index} = list[${index}]`).join('; ')} },
    get firedEventTime() { return eventTime },
    get count() { return count }, set count(rows) { count = rows },
    collector,
    bindTarget(sink) { target = sink; views(sink.slab); bindTarget() },
    bindSource(input, batch) {
      views(batch.slab)
      selection = batch.selection >>> 2; fromTimes = batch.timestamps >>> 2
      switch (input) { ${inputs.map((_, index) => `case ${index}: runner${index}.bind(batch); break;`).join(' ')} }
    },
    run(input, from, to, rowsMax, keys) {
      fired = 0
      switch (input) { ${inputs.map((_, index) => `case ${index}: return runner${index}.run(from, to, rowsMax, keys >>> 2);`).join(' ')} }
      return from
    },
    fire(timers, upToMs, rowsMax, isEventTime, timersMax) {
      eventTime = isEventTime
      for (let left = timersMax; left > 0 && count < rowsMax; left--) {
        if (!timers.poll(upToMs)) return true
        firedMs = timers.firedMs
        fired = isEventTime && firedMs >= -9007199254740991 && firedMs <= 9007199254740991 ? 1 : 2
        const r = fn.onTimer(firedMs, context0, collector)
        if (r !== undefined) refusePromise(r)
      }
      return false
    },
    timestamp() {
      if (fired === 1) return firedMs
      if (fired === 2 || fromTimes === 0) return -Infinity
      const high = i32[fromTimes + i * 2 + 1]
      return high === -2147483648 ? -Infinity : high * 4294967296 + u32[fromTimes + i * 2]
    },
    stamp(address) { views(target.slab); writeTime(address >>> 2) },
  }`
  const names = (schema: Schema): string[] => schema.fields.map((field) => field.name)
  const keyNames = inputs.map((_, index) => `k${index}`)
  return build('process-loop', ['m', 'fn', 'ensureRows', 'keys', ...keyNames], text, [
    names(output),
    fn,
    ensureRows,
    keys,
    ...inputs.map(({ schema }) => names(schema)),
  ]) as ProcessLoop
}

/** A compiled loop that computes one column: writes the function's value for each row at the row's own place. */
export interface ColumnLoop {
  /** Binds the rows to read and the batch whose only column is written. */
  bind(batch: RecordBatch, target: RecordBatch): void
  /** Computes logical positions `from..to`. @throws what the function throws; {@link BadRecordError} if a value does not fit. */
  run(from: number, to: number): void
}

/** Compiles a {@link ColumnLoop}. `output` has one column. */
export function compileColumnLoop(input: Schema, fn: (row: never) => unknown, output: Schema, isDev: boolean = false): ColumnLoop {
  const reader = readerCode(input, isDev)
  const writer = writerCode(output)
  const text = `
  let i = 0, rows = 0
  ${viewDeclarations}
  ${reader.declarations}
  ${writer.declarations}
  const name = m[0], holder = { [name]: null }
  return {
    bind(batch, target) { const slab = batch.slab; ${viewBind}
    ${reader.bind}
    ${writer.bind}
    rows = batch.selection >>> 2 },
    run(from, to) {
      const v = holder
      if (rows === 0) for (let n = from; n < to; n++) { i = n; const y = fn(${reader.record}); ${refuseIn('y')}holder[name] = y; ${writer.write} }
      else for (let position = from; position < to; position++) { const n = i = i32[rows + position]; const y = fn(${reader.record}); ${refuseIn('y')}holder[name] = y; ${writer.write} }
      ${reader.release}
    },
  }`
  return build('column-loop', ['k', 'm', 'fn'], text, [input.fields.map((field) => field.name), [output.fields[0].name], fn]) as ColumnLoop
}
