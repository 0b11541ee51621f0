// Expressions as JavaScript over columns: one function for each filter and each computed column of an operator, which reads and writes the slab. Numbers,
// times, truth and DECIMALs up to 2^53 are computed in place; what is larger is computed by the interpreter, row by row. Of texts kernels compute what they
// can in front of the loop (text-columns.ts); others, and nested values, are decoded where they are asked for. Generated code holds no text of users: constants
// are in a table beside it.

import type { Slab } from '../../base/slab.ts'
import type { Column } from '../../batch/column.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import { Decimal, isText, type LogicalType, physicalKindOf, type Schema } from '../../batch/types.ts'
import { decodeText } from '../../batch/values.ts'
import { PhysicalKind } from '../../kernels/column-layout.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import { TRUTH_NULL } from '../../kernels/texts.ts'
import { type BoundCall, type BoundCast, type BoundExpression, textOf } from '../bound-expression.ts'
import { castOf } from '../casts.ts'
import { and, columnsOf, conjunctsOf, hasCall, mapParts } from '../expressions.ts'
import { scalarCodeOf } from '../functions/functions.ts'
import { hashOfNumber, hashOfTextAt } from '../functions/hash-codes.ts'
import type { EvaluationContext, ScalarCode } from '../functions/scalar-function.ts'
import { interpret } from '../interpreter.ts'
import type { Value } from '../value.ts'
import { compileNumbers, type NumberProgram } from './number-code.ts'
import { readColumn } from './row-codec.ts'
import { type Derived, type Path, pathOf, TextColumns, uncast } from './text-columns.ts'

/** Computes columns of one operator. Bound to a batch, good for its rows. */
export interface ColumnProgram {
  bind(batch: RecordBatch): void
  /** Writes the physical rows of the logical positions `begin..end` for which the condition is TRUE to int32 `out`; returns how many. */
  filter(begin: number, end: number, selection: number, out: number): number
  /** Computes a column for the rows of `selection` (0: dense) at `begin..end`. */
  compute(index: number, begin: number, end: number, selection: number, target: Column): void
  /** Gives back what was taken of the slab. */
  free(): void
}

/** A value in generated code: an expression for it and one for whether it is NULL. */
interface Code {
  /** `number`: integers, floating point, times, and DECIMALs without their point; `boolean`; `value`: as the interpreter has it. */
  readonly form: 'number' | 'boolean' | 'value'
  readonly value: string
  readonly isNull: string
  /** Of a text that lies somewhere in the slab: expressions for where it starts, 0 if it is NULL, and where it ends. */
  readonly slice?: { readonly start: string; readonly end: string }
}

const SAFE = 9007199254740991
/** Beyond this no number has a digit more that a DECIMAL could need. */
const POWERS_MAX = 15

/** The form in which values of a type are computed. */
function formOf(type: LogicalType): Code['form'] {
  switch (type.kind) {
    case 'BOOLEAN':
      return 'boolean'
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'BIGINT':
    case 'FLOAT':
    case 'DOUBLE':
    case 'DECIMAL':
    case 'DATE':
    case 'TIME':
    case 'INTERVAL_YEAR_MONTH':
    case 'INTERVAL_DAY_TIME':
      return 'number'
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return type.precision <= 3 ? 'number' : 'value'
    default:
      return 'value'
  }
}

function pathKey({ column, field }: Path): string {
  return `${column}.${field ?? ''}`
}

/** Whether a column of a type can be computed in place: at any physical row, or appended in their order. */
export function canCompute(type: LogicalType): boolean {
  const kind = physicalKindOf(type)
  return kind <= PhysicalKind.TIMESTAMP_NANOS || kind === PhysicalKind.BYTES
}

/** Whether an expression asks for what changes from row to row beside the columns: then it is computed in their order. */
export function asksForWatermark(expression: BoundExpression): boolean {
  return hasCall(expression, 'CURRENT_WATERMARK')
}

/** Makes the code of one operator, for batches in a slab. */
export function compileColumns(
  input: Schema,
  condition: BoundExpression | undefined,
  expressions: readonly BoundExpression[],
  context: EvaluationContext,
  slab: Slab,
  kernels: Kernels,
): ColumnProgram {
  const texts = new TextColumns(slab, kernels, context)
  const writer = new ProgramWriter(input, context, texts)
  const filter = condition === undefined ? 'return 0' : writer.filter(condition)
  const computes = expressions.map((expression, index) => `function compute${index}(begin, end, selection, target) {\n${writer.compute(expression)}\n}`)
  const body = `'use strict'
${writer.declarations()}
let slab, u8, i8, i16, i32, u32, f32, f64, u64, i64, columns
function view() {
  u8 = slab.u8; i8 = slab.i8; i16 = slab.i16; i32 = slab.i32; u32 = slab.u32; f32 = slab.f32; f64 = slab.f64; u64 = slab.u64; i64 = slab.i64
}
${computes.join('\n')}
return {
  bind(batch) {
    slab = batch.slab; columns = batch.columns
    texts.bind(batch)
    view()
${writer.binds()}
  },
  filter(begin, end, selection, out) {
${filter}
  },
  compute(index, begin, end, selection, target) {
    switch (index) {
${expressions.map((_, index) => `      case ${index}: return compute${index}(begin, end, selection, target)`).join('\n')}
    }
  },
  free() { texts.free() },
}`
  // eslint-disable-next-line no-new-func
  const program = new Function('k', 'decodeText', 'texts', 'write', body)(writer.constants, decodeText, texts, {
    bytes: writeBytes,
    decimal: writeDecimal,
    nanos: writeNanos,
  }) as ColumnProgram
  const numbers = compileNumbers(condition, expressions, slab)
  return numbers === undefined ? program : withNumbers(program, numbers)
}

/** A program of which another one computes what it can. */
function withNumbers(program: ColumnProgram, numbers: NumberProgram): ColumnProgram {
  const { filter } = numbers
  return {
    bind(batch) {
      program.bind(batch)
      numbers.bind(batch)
    },
    filter(begin, end, selection, out) {
      const count = filter === undefined ? -1 : filter(begin, end, selection, out)
      return count >= 0 ? count : program.filter(begin, end, selection, out)
    },
    compute(index, begin, end, selection, target) {
      if (!numbers.compute(index, begin, end, selection, target)) program.compute(index, begin, end, selection, target)
    },
    free() {
      program.free()
      numbers.free()
    },
  }
}

class ProgramWriter {
  readonly constants: unknown[] = []
  readonly #input: Schema
  readonly #context: EvaluationContext
  readonly #texts: TextColumns
  /** The columns that the code reads, by their path. */
  readonly #paths = new Map<string, { readonly path: Path; readonly type: LogicalType; readonly name: string }>()
  #lines: string[] = []
  /** What stands in front of them, so that each branch may use it. */
  #heads: string[] = []
  #names = 0
  /** Columns that are loaded in the row loop under way. */
  #loaded = new Set<string>()
  /** What the code reads of kernels, and what the row loop under way does. */
  readonly #derived = new Set<Derived>()
  #needed = new Set<Derived>()

  constructor(input: Schema, context: EvaluationContext, texts: TextColumns) {
    this.#input = input
    this.#context = context
    this.#texts = texts
  }

  declarations(): string {
    const columns = [...this.#paths.values()].map(({ name }) => `let ${name}, ${name}v, ${name}b, ${name}n, ${name}p, ${name}q, ${name}o, ${name}d, ${name}c`)
    return [...columns, ...[...this.#derived].map((derived) => `let ${nameOf(derived)}`)].join('\n')
  }

  binds(): string {
    const derived = [...this.#derived].map((value) => `    ${nameOf(value)} = ${this.#constant(value)}.address${value.form === 'truth' ? '' : ' >>> 2'}`)
    const columns = [...this.#paths.values()].map(({ path, name, type }) => {
      const whole = `columns[${path.column}]`
      const of = path.field === undefined ? whole : `${whole}.children[${path.field}]`
      const parent = path.field === undefined ? `${name}p = 0; ${name}q = 0` : `${name}p = ${whole}.nullCount; ${name}q = ${whole}.validity`
      return `    ${name}c = ${of}; ${name}v = ${name}c.values${shiftOf(type)}; ${name}b = ${name}c.validity; ${name}n = ${name}c.nullCount; ${name}o = ${name}c.offsets >>> 2; ${name}d = ${name}c.data; ${parent}`
    })
    return [...columns, ...derived].join('\n')
  }

  /** Where kernels have to compute something, what stands in front of that in a conjunction selects their rows. */
  filter(condition: BoundExpression): string {
    const conjuncts = conjunctsOf(condition)
    const from = conjuncts.findIndex((conjunct) => this.#asksKernels(conjunct))
    if (from < 0) return `let count = 0\nconst to = out >>> 2\n${this.#selecting(condition, false)}\nreturn count`
    // Behind one that is NULL the others are computed too.
    const first = from === 0 ? undefined : conjuncts.slice(0, from).reduce(and)
    const rest = first === undefined || first.type.nullable ? condition : conjuncts.slice(from).reduce(and)
    const before = first === undefined ? '' : `{\n${this.#selecting(first, true)}\n}\nbegin = 0; end = count; selection = out; count = 0\n`
    return `let count = 0
const to = out >>> 2
texts.forget(out)
${before}${this.#selecting(rest, false)}
texts.narrow(out, count, begin, end, selection)
return count`
  }

  /** A loop that lists the rows for which a condition is TRUE, or NULL if that will do. */
  #selecting(condition: BoundExpression, orNull: boolean): string {
    const list = 'i32[to + count++] = row'
    return this.#loop(
      condition,
      '',
      (code) => {
        const isTrue = code.form === 'boolean' ? code.value : `${code.value} === true`
        if (orNull) return `if (${code.isNull} || ${isTrue}) ${list}`
        return `if (${code.form === 'boolean' ? `!(${code.isNull}) && ` : ''}${isTrue}) ${list}`
      },
      (result) => `const held = ${result}\nif (held === true${orNull ? ' || held === null' : ''}) ${list}`,
    )
  }

  #asksKernels(expression: BoundExpression): boolean {
    if (this.#texts.of(expression) !== undefined) return true
    let asks = false
    mapParts(expression, (part) => {
      asks ||= this.#asksKernels(part)
      return part
    })
    return asks
  }

  compute(expression: BoundExpression): string {
    const { type } = expression
    if (isText(type)) {
      const direct = this.#texts.of(expression)
      if (direct !== undefined) return `${this.#run([direct])}\ntexts.write(${this.#constant(direct)}, begin, end, selection, target)`
      if (this.#isSliced(expression)) return this.#computeSlices(expression)
    }
    const isBytes = physicalKindOf(type) === PhysicalKind.BYTES
    const gap = isBytes ? 'write.bytes(target, slab, next, row, undefined); next = row + 1' : ''
    const loop = this.#loop(
      expression,
      gap,
      (code) => this.#setter(code, type),
      (result) => this.#setValue(result, type),
    )
    return `const values = target.values${shiftOf(type)}\nlet next = 0, at = 0\n${loop}\n${isBytes ? 'write.bytes(target, slab, next, -1, null)' : ''}`
  }

  /** A column of texts that lie somewhere already: the loop says where, a kernel copies them. */
  #computeSlices(expression: BoundExpression): string {
    const written = this.#texts.written()
    this.#derived.add(written)
    const at = nameOf(written)
    const set = (start: string, end: string): string => `u32[${at} + row * 2] = ${start}\nu32[${at} + row * 2 + 1] = ${end}`
    const loop = this.#loop(
      expression,
      '',
      () => {
        const { start, end } = this.#slice(expression)
        return set(start, end)
      },
      (result) => `const held = ${result}\n${set('held === null ? 0 : texts.put(held)', 'held === null ? 0 : texts.putEnd')}`,
      true,
    )
    return `${loop}\ntexts.write(${this.#constant(written)}, begin, end, selection, target)`
  }

  /** Computes by kernels what code is going to read. Memory may grow there. */
  #run(values: Iterable<Derived>): string {
    const all = this.#texts.withOperands(values)
    return all.length === 0 ? '' : `texts.run(${this.#constant(all)}, begin, end, selection)\nview()`
  }

  /**
   * A loop over rows that computes an expression and does something with it.
   *
   * @param before Code in front of each row's. @param use Given the code, or nothing if it makes that itself. @param useSlow Given the value that the interpreter has,
   * where numbers are too large.
   */
  #loop(expression: BoundExpression, before: string, use: (code: Code) => string, useSlow: (result: string) => string, makesCode = false): string {
    this.#lines = []
    this.#heads = []
    this.#loaded = new Set()
    this.#needed = new Set()
    const used = use(makesCode ? NO_CODE : this.#code(expression))
    const lines = [...this.#heads, ...this.#lines].join('\n')
    const isGuarded = lines.includes('break exact')
    const body = isGuarded
      ? `exact: {\n${lines}\n${used}\ncontinue\n}\n${useSlow(`${this.#constant(this.#slowly(expression))}(columns, row)`)}`
      : `${lines}\n${used}`
    return `${this.#run(this.#needed)}
const from = selection >>> 2
for (let position = begin; position < end; position++) {
  const row = selection === 0 ? position : i32[from + position]
  ${before}
${body}
}`
  }

  /** What computes an expression of one row by the interpreter. */
  #slowly(expression: BoundExpression): (columns: readonly Column[], row: number) => Value {
    const evaluate = interpret(expression, this.#context)
    const places = [...columnsOf(expression)]
    const values: Value[] = this.#input.fields.map(() => null)
    return (columns, row) => {
      for (const place of places) values[place] = readColumn(columns[place], row)
      return evaluate(values)
    }
  }

  // ---- expressions ----

  #code(expression: BoundExpression): Code {
    const path = pathOf(expression)
    if (path !== undefined) return this.#load(path, expression.type)
    const derived = this.#texts.of(expression)
    if (derived !== undefined) return this.#loadDerived(derived)
    switch (expression.kind) {
      case 'literal':
        return this.#literal(expression.value, expression.type)
      case 'cast':
        return this.#cast(expression)
      case 'case':
        return this.#case(expression)
      case 'call':
        return this.#call(expression)
      default:
        throw new Error('unreachable')
    }
  }

  #literal(value: Value, type: LogicalType): Code {
    const form = formOf(type)
    if (value === null) return { form, value: form === 'number' ? '0' : form === 'boolean' ? 'false' : 'null', isNull: 'true' }
    if (form === 'boolean') return { form, value: String(value), isNull: 'false' }
    const number = value instanceof Decimal && type.kind === 'DECIMAL' ? Number(value.unscaled) * 10 ** (type.scale - value.scale) : Number(value)
    if (form === 'number' && Number.isFinite(number) && (!isExactType(type) || Number.isSafeInteger(number)))
      return { form, value: numeral(number), isNull: 'false' }
    return { form: 'value', value: this.#constant(value), isNull: 'false' }
  }

  /** Reads a column at the row. */
  #load(path: Path, type: LogicalType): Code {
    const key = pathKey(path)
    let found = this.#paths.get(key)
    if (found === undefined) {
      found = { path, type, name: `c${this.#paths.size}_` }
      this.#paths.set(key, found)
    }
    const { name } = found
    const isNull = `${name}N`
    const form = formOf(type)
    if (!this.#loaded.has(name)) {
      this.#loaded.add(name)
      const invalid = (count: string, bits: string): string => `(${count} !== 0 && (u8[${bits} + (row >>> 3)] & (1 << (row & 7))) === 0)`
      const nulls = path.field === undefined ? invalid(`${name}n`, `${name}b`) : `${invalid(`${name}n`, `${name}b`)} || ${invalid(`${name}p`, `${name}q`)}`
      const lines = [`const ${isNull} = ${nulls}`]
      if (form === 'number') {
        lines.push(`const ${name}V = ${isNull} ? 0 : ${readOf(name, type)}`)
        if (isLong(type)) lines.push(`if (${name}V > ${SAFE} || ${name}V < ${-SAFE}) break exact`)
      } else if (form === 'boolean') lines.push(`const ${name}V = !${isNull} && (u8[${name}v + (row >>> 3)] & (1 << (row & 7))) !== 0`)
      else lines.push(`let ${name}S`)
      this.#heads.push(...lines)
    }
    if (form !== 'value') return { form, value: `${name}V`, isNull }
    const text = isText(type) && `${name}c.dictionary === null ? decodeText(u8, ${name}d + i32[${name}o + row], ${name}d + i32[${name}o + row + 1])`
    const generic = `${this.#constant(readColumn)}(${name}c, row)`
    const read = text === false ? generic : `${text} : ${generic}`
    return { form, value: `(${name}S === undefined ? (${name}S = ${isNull} ? null : ${read}) : ${name}S)`, isNull }
  }

  /** Reads what kernels have computed of the row. */
  #loadDerived(derived: Derived): Code {
    this.#derived.add(derived)
    this.#needed.add(derived)
    const name = nameOf(derived)
    const isNew = !this.#loaded.has(name)
    this.#loaded.add(name)
    if (derived.form === 'text') {
      const [start, end, held] = [`${name}A`, `${name}E`, `${name}S`]
      if (isNew) this.#heads.push(`const ${start} = u32[${name} + row * 2], ${end} = u32[${name} + row * 2 + 1]`, `let ${held}`)
      const value = `(${held} === undefined ? (${held} = ${start} === 0 ? null : decodeText(u8, ${start}, ${end})) : ${held})`
      return { form: 'value', value, isNull: `(${start} === 0)`, slice: { start, end } }
    }
    const value = `${name}V`
    if (isNew) this.#heads.push(`const ${value} = ${derived.form === 'truth' ? 'u8' : 'i32'}[${name} + row]`)
    if (derived.form === 'truth') return { form: 'boolean', value: `(${value} === 1)`, isNull: `(${value} === ${TRUTH_NULL})` }
    return { form: 'number', value, isNull: `(${value} === -1)` }
  }

  /** Whether a text chosen among others lies in the slab, at least for some rows. */
  #isSliced(given: BoundExpression): boolean {
    const expression = uncast(given)
    if (expression.kind === 'case') return [...expression.branches.map(({ result }) => result), expression.otherwise].some((result) => this.#hasSlice(result))
    return isFirst(expression) && expression.operands.some((operand) => this.#hasSlice(operand))
  }

  #hasSlice(given: BoundExpression): boolean {
    const expression = uncast(given)
    return (expression.kind === 'literal' && expression.value !== null) || this.#texts.text(expression) !== undefined || this.#isSliced(expression)
  }

  /** Where a text starts, 0 if it is NULL, and where it ends. */
  #slice(given: BoundExpression): { readonly start: string; readonly end: string } {
    const expression = uncast(given)
    if (expression.kind === 'literal') {
      const { start, end } = expression.value === null ? { start: 0, end: 0 } : this.#texts.constant(expression.value as string)
      return { start: String(start), end: String(end) }
    }
    const derived = this.#texts.text(expression)
    if (derived !== undefined) return this.#loadDerived(derived).slice!
    const [start, end] = [this.#name(), this.#name()]
    if (!this.#isSliced(expression)) {
      const { value, isNull } = this.#code(expression)
      this.#lines.push(`const ${start} = ${isNull} ? 0 : texts.put(${value}), ${end} = ${start} === 0 ? 0 : texts.putEnd`)
      return { start, end }
    }
    const block = this.#name()
    const assign = (of: BoundExpression): void => {
      const slice = this.#slice(of)
      this.#lines.push(`${start} = ${slice.start}; ${end} = ${slice.end}`)
    }
    this.#lines.push(`let ${start} = 0, ${end} = 0`, `${block}: {`)
    if (expression.kind === 'case') {
      for (const { when, result } of expression.branches) {
        const condition = this.#inForm(this.#code(when), 'boolean', when.type)
        this.#lines.push(`if (!(${condition.isNull}) && ${condition.value}) {`)
        assign(result)
        this.#lines.push(`break ${block}`, '}')
      }
      assign(expression.otherwise)
    } else
      for (const operand of (expression as BoundCall).operands) {
        assign(operand)
        this.#lines.push(`if (${start} !== 0) break ${block}`)
      }
    this.#lines.push('}')
    return { start, end }
  }

  #case({ branches, otherwise, type }: BoundExpression & { readonly kind: 'case' }): Code {
    const form = formOf(type)
    const [value, isNull] = this.#declare(form)
    // Left by a branch that is taken: one in the other they would be as deep as they are many.
    const block = this.#name()
    this.#lines.push(`${block}: {`)
    for (const { when, result } of branches) {
      const condition = this.#inForm(this.#code(when), 'boolean', when.type)
      this.#lines.push(`if (!(${condition.isNull}) && ${condition.value}) {`)
      this.#assign(value, isNull, this.#inForm(this.#code(result), form, type))
      this.#lines.push(`break ${block}`, '}')
    }
    this.#assign(value, isNull, this.#inForm(this.#code(otherwise), form, type))
    this.#lines.push('}')
    return { form, value, isNull }
  }

  #call(call: BoundCall): Code {
    const { name, operands } = call
    switch (name) {
      case 'AND':
      case 'OR':
        return this.#connective(name === 'OR', operands)
      case 'NOT': {
        const code = this.#inForm(this.#code(operands[0]), 'boolean', operands[0].type)
        return { form: 'boolean', value: `!${code.value}`, isNull: code.isNull }
      }
      case 'IS NULL':
        return { form: 'boolean', value: `(${this.#code(operands[0]).isNull})`, isNull: 'false' }
      case 'IS NOT NULL':
        return { form: 'boolean', value: `!(${this.#code(operands[0]).isNull})`, isNull: 'false' }
      case 'COALESCE':
      case 'IFNULL':
        return this.#first(call)
      case 'HASH_CODE':
        return this.#hash(call)
      case 'MOD':
        return this.#arithmetic({ ...call, name: '%' }) ?? this.#generic(call)
      case '+':
      case '-':
      case '*':
      case '/':
      case '%':
        return this.#arithmetic(call) ?? this.#generic(call)
      case '=':
      case '<>':
      case '<':
      case '<=':
      case '>':
      case '>=':
        return this.#comparison(call) ?? this.#generic(call)
      case 'HOUR':
      case 'MINUTE':
      case 'SECOND':
        return this.#clock(name, operands[0]) ?? this.#generic(call)
      case 'EXTRACT':
        return (operands[0].kind === 'literal' ? this.#clock(operands[0].value, operands[1]) : undefined) ?? this.#generic(call)
      default:
        return this.#generic(call)
    }
  }

  #connective(deciding: boolean, [left, right]: readonly BoundExpression[]): Code {
    const [value, isNull] = this.#declare('boolean')
    const one = this.#inForm(this.#code(left), 'boolean', left.type)
    this.#lines.push(`if (!(${one.isNull}) && ${one.value} === ${deciding}) { ${value} = ${deciding}; ${isNull} = false } else {`)
    const other = this.#inForm(this.#code(right), 'boolean', right.type)
    this.#lines.push(
      `if (!(${other.isNull}) && ${other.value} === ${deciding}) { ${value} = ${deciding}; ${isNull} = false } else { ${isNull} = ${one.isNull} || ${other.isNull}; ${value} = ${!deciding} }`,
      '}',
    )
    return { form: 'boolean', value, isNull }
  }

  #first({ operands, type }: BoundCall): Code {
    const form = formOf(type)
    const [value, isNull] = this.#declare(form)
    const block = this.#name()
    this.#lines.push(`${block}: {`)
    for (const operand of operands) {
      const code = this.#inForm(this.#code(operand), form, operand.type)
      this.#lines.push(`if (!(${code.isNull})) { ${value} = ${code.value}; ${isNull} = false; break ${block} }`)
    }
    this.#lines.push('}')
    return { form, value, isNull }
  }

  /** Of a number, or of a text as it lies in its column. */
  #hash(call: BoundCall): Code {
    const [operand] = call.operands
    const code = this.#code(operand)
    const path = pathOf(operand)
    if (code.form !== 'number' && (path === undefined || !isText(operand.type))) return this.#generic(call)
    const hash =
      code.form === 'number'
        ? `${this.#constant(hashOfNumber)}(${code.value})`
        : `${this.#constant(hashOfTextAt)}(${this.#paths.get(pathKey(path!))!.name}c, row)`
    const result = this.#name()
    this.#lines.push(`const ${result} = ${code.isNull} ? 0 : ${hash}`)
    return { form: 'number', value: result, isNull: code.isNull }
  }

  #comparison({ name, operands }: BoundCall): Code | undefined {
    const [left, right] = operands
    // What says the same is equal, NaN too: the generic code knows.
    if (formOf(left.type) === 'value' || formOf(right.type) === 'value' || textOf(left) === textOf(right)) return undefined
    const [one, other] = [this.#code(left), this.#code(right)]
    if (one.form === 'value' || other.form === 'value' || one.form !== other.form) return undefined
    if (left.type.kind !== right.type.kind && [left, right].some(({ type }) => type.kind === 'DECIMAL')) return undefined
    const scale = left.type.kind === 'DECIMAL' && right.type.kind === 'DECIMAL' ? Math.max(left.type.scale, right.type.scale) : undefined
    const [a, b] = scale === undefined ? [one.value, other.value] : [this.#raised(one, left.type, scale), this.#raised(other, right.type, scale)]
    if (a === undefined || b === undefined) return undefined
    const operator = name === '=' ? '===' : name === '<>' ? '!==' : name
    return { form: 'boolean', value: `(${a} ${operator} ${b})`, isNull: anyNull([one, other]) }
  }

  /** The digits of a DECIMAL with more behind the point; undefined: too many more. */
  #raised({ value }: Code, type: LogicalType, scale: number): string | undefined {
    const more = scale - scaleOf(type)!
    if (more === 0) return value
    if (more > POWERS_MAX) return undefined
    const result = this.#name()
    this.#lines.push(`const ${result} = ${value} * ${10 ** more}`, `if (${result} > ${SAFE} || ${result} < ${-SAFE}) break exact`)
    return result
  }

  /** Hours, minutes and seconds of times whose zone does not count. */
  #clock(unit: unknown, of: BoundExpression): Code | undefined {
    const { kind } = of.type
    const span = CLOCK_SPANS[unit as string]
    if (span === undefined || formOf(of.type) !== 'number' || (kind !== 'TIMESTAMP' && kind !== 'TIME' && kind !== 'INTERVAL_DAY_TIME')) return undefined
    const { value, isNull } = this.#code(of)
    const [whole, part] = span
    // A quotient of numbers below 2^53 never rounds up to a whole one. What is read of a column is computed once.
    const text = `Math.trunc((${value} - Math.trunc(${value} / ${whole}) * ${whole}) / ${part}) + 0`
    if (pathOf(of) === undefined) return { form: 'number', value: `(${text})`, isNull }
    const name = `${value}${unit as string}`
    if (!this.#loaded.has(name)) this.#heads.push(`const ${name} = ${text}`)
    this.#loaded.add(name)
    return { form: 'number', value: name, isNull }
  }

  #arithmetic({ name, operands, type }: BoundCall): Code | undefined {
    const [left, right] = operands
    const kinds = [left.type, right.type, type]
    if (!kinds.every((one) => NUMBERS.has(one.kind))) return undefined
    if (type.kind === 'DECIMAL') return this.#decimal(name, left, right, type)
    if (kinds.some(({ kind }) => kind === 'DECIMAL')) return undefined
    const [one, other] = [this.#code(left), this.#code(right)]
    if (one.form !== 'number' || other.form !== 'number') return undefined
    const isNull = anyNull([one, other])
    const [a, b] = [one.value, other.value]
    if (type.kind === 'DOUBLE' || type.kind === 'FLOAT') {
      const value = `${a} ${name} ${b}`
      return { form: 'number', value: type.kind === 'FLOAT' ? `Math.fround(${value})` : `(${value})`, isNull }
    }
    const divides = name === '/' || name === '%'
    const result = this.#name()
    if (divides) this.#lines.push(`if (!(${isNull}) && ${b} === 0) throw new RangeError('Division by zero')`)
    const exact = name === '/' ? `(${a} - ${a} % ${b}) / ${b}` : `${a} ${name} ${b}`
    if (type.kind === 'BIGINT') {
      this.#lines.push(`const ${result} = ${isNull} ? 0 : ${exact}`, `if (${result} > ${SAFE} || ${result} < ${-SAFE}) break exact`)
      return { form: 'number', value: result, isNull }
    }
    const product = name === '*' ? `Math.imul(${a}, ${b})` : exact
    const bits = type.kind === 'INT' ? '| 0' : type.kind === 'SMALLINT' ? '<< 16 >> 16' : '<< 24 >> 24'
    this.#lines.push(`const ${result} = ${isNull} ? 0 : (${product}) ${bits}`)
    return { form: 'number', value: result, isNull }
  }

  /** Sums, differences and products that need no rounding. */
  #decimal(name: string, left: BoundExpression, right: BoundExpression, type: LogicalType & { readonly kind: 'DECIMAL' }): Code | undefined {
    const [leftScale, rightScale] = [scaleOf(left.type), scaleOf(right.type)]
    if (leftScale === undefined || rightScale === undefined || name === '/' || name === '%') return undefined
    if (name === '*' ? type.scale !== leftScale + rightScale : type.scale < Math.max(leftScale, rightScale)) return undefined
    if (type.scale > POWERS_MAX) return undefined
    const [one, other] = [this.#code(left), this.#code(right)]
    if (one.form !== 'number' || other.form !== 'number') return undefined
    const raised = (value: string, scale: number): string => (name === '*' || scale === type.scale ? value : `${value} * ${10 ** (type.scale - scale)}`)
    const isNull = anyNull([one, other])
    const result = this.#name()
    this.#lines.push(`const ${result} = ${isNull} ? 0 : ${raised(one.value, leftScale)} ${name} ${raised(other.value, rightScale)}`)
    this.#guardDecimal(result, type)
    return { form: 'number', value: result, isNull }
  }

  /** Beyond what is exact, or has more digits than the type, the interpreter computes. */
  #guardDecimal(value: string, { precision }: LogicalType & { readonly kind: 'DECIMAL' }): void {
    const limit = precision <= POWERS_MAX ? 10 ** precision - 1 : SAFE
    this.#lines.push(`if (${value} > ${limit} || ${value} < ${-limit}) break exact`)
  }

  #cast(cast: BoundCast): Code {
    const { operand, type, isTry } = cast
    const from = operand.type
    const code = this.#code(operand)
    const isWider = WIDTHS[from.kind] !== undefined && WIDTHS[type.kind] !== undefined && WIDTHS[from.kind] <= WIDTHS[type.kind]
    if (code.form === 'number' && isWider && type.kind !== 'FLOAT') return code
    const isSameTime =
      from.kind === type.kind &&
      (type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ' || type.kind === 'TIME') &&
      (from as typeof type).precision <= type.precision
    if (code.form === 'number' && formOf(type) === 'number' && isSameTime) return code
    const scale = scaleOf(from)
    if (code.form === 'number' && type.kind === 'DECIMAL' && scale !== undefined && type.scale >= scale && type.scale <= POWERS_MAX) {
      const result = this.#name()
      this.#lines.push(`const ${result} = ${code.value} * ${10 ** (type.scale - scale)}`)
      this.#guardDecimal(result, type)
      return { form: 'number', value: result, isNull: code.isNull }
    }
    if (code.form === 'number' && type.kind === 'DOUBLE' && scale !== undefined && scale <= 22) return { ...code, value: `(${code.value} / ${10 ** scale})` }
    const made = castOf(from, type, this.#context)
    if (made === undefined) return this.#interpreted(cast)
    if (isTry) return this.#interpreted(cast)
    return this.#unboxed(`${this.#constant(made)}(${this.#boxed(code, from)})`, code.isNull, type)
  }

  /** A call of the function that the interpreter calls. */
  #generic(call: BoundCall): Code {
    const scalar = scalarCodeOf(call)
    const code = scalar?.make(call, this.#context)
    if (code === undefined) return this.#interpreted(call)
    const operands = call.operands.map((operand) => ({ code: this.#code(operand), type: operand.type }))
    const values = operands.map((operand) => this.#boxed(operand.code, operand.type))
    const isStrict = scalar!.isStrict !== false
    const isRemembered = isStrict && scalar!.isDeterministic !== false && textOperandOf(call) >= 0
    const isNull = isStrict ? anyNull(operands.map((operand) => operand.code)) : 'false'
    const given = isStrict
      ? values
      : values.map((value, index) => (operands[index].code.isNull === 'false' ? value : `(${operands[index].code.isNull} ? null : ${value})`))
    return this.#unboxed(`${this.#constant(isRemembered ? remembering(code, textOperandOf(call)) : code)}(${given.join(', ')})`, isNull, call.type)
  }

  /** An expression that only the interpreter computes. */
  #interpreted(expression: BoundExpression): Code {
    return this.#unboxed(`${this.#constant(this.#slowly(expression))}(columns, row)`, 'false', expression.type)
  }

  // ---- forms ----

  /** A value of the interpreter in the form of its type. */
  #unboxed(text: string, isNull: string, type: LogicalType): Code {
    const form = formOf(type)
    const value = this.#name()
    const result = this.#name()
    this.#lines.push(`const ${value} = ${isNull === 'false' ? text : `${isNull} ? null : ${text}`}`)
    if (form === 'value') return { form, value, isNull: `(${value} === null)` }
    if (form === 'boolean') return { form, value: `(${value} === true)`, isNull: `(${value} === null)` }
    const number = type.kind === 'DECIMAL' ? `Number(${value}.unscaled)` : type.kind === 'BIGINT' ? `Number(${value})` : value
    this.#lines.push(`const ${result} = ${value} === null ? 0 : ${number}`)
    if (type.kind === 'DECIMAL' || type.kind === 'BIGINT') this.#lines.push(`if (${result} > ${SAFE} || ${result} < ${-SAFE}) break exact`)
    return { form, value: result, isNull: `(${value} === null)` }
  }

  /** A value as the interpreter has it; not asked for where it is NULL. */
  #boxed({ form, value }: Code, type: LogicalType): string {
    if (form !== 'number') return value
    if (type.kind === 'BIGINT') return `BigInt(${value})`
    return type.kind === 'DECIMAL' ? `new ${this.#constant(Decimal)}(BigInt(${value}), ${type.scale})` : value
  }

  #inForm(code: Code, form: Code['form'], type: LogicalType): Code {
    if (code.form === form) return code
    if (form === 'value') return { form, value: `(${code.isNull} ? null : ${this.#boxed(code, type)})`, isNull: code.isNull }
    return this.#unboxed(code.value, code.isNull, type)
  }

  #declare(form: Code['form']): readonly [value: string, isNull: string] {
    const [value, isNull] = [this.#name(), this.#name()]
    this.#lines.push(`let ${value} = ${form === 'number' ? '0' : form === 'boolean' ? 'false' : 'null'}, ${isNull} = true`)
    return [value, isNull]
  }

  #assign(value: string, isNull: string, code: Code): void {
    this.#lines.push(`${value} = ${code.value}; ${isNull} = ${code.isNull}`)
  }

  #name(): string {
    return `v${this.#names++}`
  }

  #constant(value: unknown): string {
    const known = this.constants.indexOf(value)
    return `k[${known >= 0 ? known : this.constants.push(value) - 1}]`
  }

  // ---- results ----

  #setter(code: Code, type: LogicalType): string {
    if (code.form === 'value') return this.#setValue(code.value, type)
    const set = code.form === 'boolean' ? booleanSetter(code.value) : numberSetter(code.value, type)
    const valid = 'if (target.nullCount !== 0) u8[target.validity + (row >>> 3)] |= 1 << (row & 7)'
    return code.isNull === 'false' ? `${valid}\n${set}` : `if (${code.isNull}) target.setNull(row)\nelse {\n${valid}\n${set}\n}`
  }

  /** Writes a value of the interpreter. */
  #setValue(value: string, type: LogicalType): string {
    if (physicalKindOf(type) === PhysicalKind.BYTES) return `write.bytes(target, slab, row, row, ${value})`
    const form = formOf(type)
    const valid = 'if (target.nullCount !== 0) u8[target.validity + (row >>> 3)] |= 1 << (row & 7)'
    const held = this.#name()
    const set =
      form === 'boolean'
        ? booleanSetter(held)
        : type.kind === 'DECIMAL'
          ? `write.decimal(target, slab, row, ${held})`
          : type.kind === 'BIGINT'
            ? `i64[values + row] = ${held}`
            : form === 'value'
              ? `write.nanos(target, slab, row, ${held})`
              : numberSetter(held, type)
    return `const ${held} = ${value}\nif (${held} === null) target.setNull(row)\nelse {\n${valid}\n${set}\n}`
  }
}

const NO_CODE: Code = { form: 'value', value: 'null', isNull: 'true' }

/** What code calls derived values. */
function nameOf({ place }: Derived): string {
  return `t${place}_`
}

/** Whether an expression is the first of some values that is not NULL. */
function isFirst(expression: BoundExpression): expression is BoundCall {
  return expression.kind === 'call' && (expression.name === 'COALESCE' || expression.name === 'IFNULL')
}

/** The place of the one operand that is no constant, if it is a text; else -1. */
function textOperandOf({ operands }: BoundCall): number {
  const varying = operands.flatMap((operand, place) => (operand.kind === 'literal' ? [] : [place]))
  return varying.length === 1 && isText(operands[varying[0]].type) ? varying[0] : -1
}

/** Results of a call that are kept at most. */
const REMEMBERED_MAX = 16_384
/** After so many calls it is seen whether keeping results pays. */
const TRIAL_CALLS = 8192

/** A call that keeps the results of texts it has seen lately, as long as many come again. */
function remembering(code: ScalarCode, place: number): ScalarCode {
  const known = new Map<Value, Value>()
  let calls = 0
  let hits = 0
  return (...operands) => {
    if (calls === TRIAL_CALLS && hits < TRIAL_CALLS / 2) return code(...operands)
    const text = operands[place]
    const found = known.get(text)
    if (calls < TRIAL_CALLS) calls++
    if (found !== undefined) {
      if (calls < TRIAL_CALLS) hits++
      return found
    }
    const result = code(...operands)
    if (known.size >= REMEMBERED_MAX) known.clear()
    known.set(text, result)
    return result
  }
}

/** Of units of the clock: within which span of ms they count, and how long one is. */
const CLOCK_SPANS: Readonly<Record<string, readonly [whole: number, part: number]>> = {
  HOUR: [86_400_000, 3_600_000],
  MINUTE: [3_600_000, 60_000],
  SECOND: [60_000, 1000],
}

const NUMBERS = new Set(['TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE', 'DECIMAL'])
const WIDTHS: Readonly<Record<string, number>> = { TINYINT: 1, SMALLINT: 2, INT: 3, BIGINT: 4, DOUBLE: 5 }

function isExactType({ kind }: LogicalType): boolean {
  return kind !== 'FLOAT' && kind !== 'DOUBLE'
}

/** Digits behind the point of an exact number. */
function scaleOf(type: LogicalType): number | undefined {
  if (type.kind === 'DECIMAL') return type.scale
  return type.kind === 'TINYINT' || type.kind === 'SMALLINT' || type.kind === 'INT' || type.kind === 'BIGINT' ? 0 : undefined
}

function anyNull(codes: readonly Code[]): string {
  const parts = codes.map(({ isNull }) => isNull).filter((isNull) => isNull !== 'false')
  return parts.length === 0 ? 'false' : `(${parts.join(' || ')})`
}

/** A number as JavaScript writes it. */
function numeral(value: number): string {
  return Object.is(value, -0) ? '(-0)' : value < 0 ? `(${value})` : String(value)
}

/** Whether values may be beyond 2^53. */
function isLong(type: LogicalType): boolean {
  return type.kind === 'BIGINT' || type.kind === 'DECIMAL'
}

/** From the address of values to an index into the array of their kind. */
function shiftOf(type: LogicalType): string {
  switch (physicalKindOf(type)) {
    case PhysicalKind.INT16:
      return ' >>> 1'
    case PhysicalKind.INT32:
    case PhysicalKind.FLOAT32:
      return ' >>> 2'
    case PhysicalKind.INT64:
    case PhysicalKind.FLOAT64:
    case PhysicalKind.INT128:
    case PhysicalKind.TIMESTAMP_NANOS:
      return ' >>> 3'
    default:
      return ''
  }
}

/** Reads a number at the row. */
function readOf(name: string, type: LogicalType): string {
  switch (physicalKindOf(type)) {
    case PhysicalKind.INT8:
      return `i8[${name}v + row]`
    case PhysicalKind.INT16:
      return `i16[${name}v + row]`
    case PhysicalKind.INT32:
      return `i32[${name}v + row]`
    case PhysicalKind.FLOAT32:
      return `f32[${name}v + row]`
    case PhysicalKind.FLOAT64:
      return `f64[${name}v + row]`
    case PhysicalKind.INT128: {
      // A high half that is more than the sign is beyond all that is exact.
      const at = `(${name}v + row * 2) * 2`
      return `(i32[${at} + 3] === i32[${at} + 1] >> 31 && i32[${at} + 2] === i32[${at} + 1] >> 31 ? i32[${at} + 1] * 4294967296 + u32[${at}] : Infinity)`
    }
    default:
      return `(i32[(${name}v + row) * 2 + 1] * 4294967296 + u32[(${name}v + row) * 2])`
  }
}

function booleanSetter(value: string): string {
  return `at = target.values + (row >>> 3)\nu8[at] = ${value} ? u8[at] | (1 << (row & 7)) : u8[at] & ~(1 << (row & 7))`
}

function numberSetter(value: string, type: LogicalType): string {
  switch (physicalKindOf(type)) {
    case PhysicalKind.INT8:
      return `i8[values + row] = ${value}`
    case PhysicalKind.INT16:
      return `i16[values + row] = ${value}`
    case PhysicalKind.INT32:
      return `i32[values + row] = ${value}`
    case PhysicalKind.FLOAT32:
      return `f32[values + row] = ${value}`
    case PhysicalKind.FLOAT64:
      return `f64[values + row] = ${value}`
    case PhysicalKind.INT128:
      return `{ const h = Math.floor(${value} / 4294967296); at = (values + row * 2) * 2; i32[at + 1] = h; u32[at] = ${value} - h * 4294967296; i32[at + 2] = i32[at + 3] = h < 0 ? -1 : 0 }`
    default:
      return `{ const h = Math.floor(${value} / 4294967296); at = (values + row) * 2; i32[at + 1] = h; u32[at] = ${value} - h * 4294967296 }`
  }
}

const encoder = new TextEncoder()

/**
 * Appends to a column of bytes. Rows `next..row` that nobody asks for are empty.
 *
 * @param row -1: closes all rows of the column.
 * @param value Undefined: only the rows in front are closed.
 */
function writeBytes(target: Column, slab: Column['slab'], next: number, row: number, value: string | Uint8Array | null | undefined): void {
  const offsets = target.offsets >>> 2
  const { i32 } = slab
  const end = row === -1 ? target.rowCapacity : row
  let last = i32[offsets + next]
  for (let index = next; index < end; index++) i32[offsets + index + 1] = last
  if (row === -1 || value === undefined) return
  last = i32[offsets + row]
  if (value === null) {
    target.setNull(row)
    i32[offsets + row + 1] = last
    return
  }
  if (target.nullCount !== 0) slab.u8[target.validity + (row >>> 3)] |= 1 << (row & 7)
  target.dataLength = last
  if (typeof value === 'string') {
    target.ensureData(value.length * 3)
    const { u8 } = slab
    let at = target.data + last
    const { length } = value
    let index = 0
    for (; index < length; index++) {
      const unit = value.charCodeAt(index)
      if (unit > 127) break
      u8[at++] = unit
    }
    if (index < length) {
      const bytes = encoder.encode(value)
      u8.set(bytes, target.data + last)
      at = target.data + last + bytes.length
    }
    target.dataLength = at - target.data
  } else {
    target.ensureData(value.length)
    slab.u8.set(value, target.data + last)
    target.dataLength = last + value.length
  }
  slab.i32[offsets + row + 1] = target.dataLength
}

function writeDecimal(target: Column, slab: Column['slab'], row: number, { unscaled }: Decimal): void {
  if (target.kind === PhysicalKind.INT64) {
    slab.i64[(target.values >>> 3) + row] = unscaled
    return
  }
  const at = (target.values >>> 3) + row * 2
  slab.u64[at] = BigInt.asUintN(64, unscaled)
  slab.i64[at + 1] = BigInt.asIntN(64, unscaled >> 64n)
}

const NANOS_PER_MS = 1_000_000n

/** A timestamp of more than milliseconds. */
function writeNanos(target: Column, slab: Column['slab'], row: number, nanos: bigint): void {
  const at = (target.values >>> 3) + row
  if (target.kind === PhysicalKind.INT64) {
    slab.i64[at] = nanos >= 0n ? nanos / 1000n : -((999n - nanos) / 1000n)
    return
  }
  const rest = ((nanos % NANOS_PER_MS) + NANOS_PER_MS) % NANOS_PER_MS
  slab.i64[at] = (nanos - rest) / NANOS_PER_MS
  slab.i32[(target.extra >>> 2) + row] = Number(rest)
}
