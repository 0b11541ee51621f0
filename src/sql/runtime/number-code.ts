// Expressions over numbers, times and truth as WebAssembly: one function for each filter and each computed column, which reads and writes the slab. Beside the
// code in JavaScript (column-code.ts), which computes what is not taken here, and a whole range of rows where one of them has a number that is too large for 64
// bits. Operands are exact integers (i32, i64; of a DECIMAL without its point), doubles, or truth (i32).

import { compileModule, instantiateModule } from '../../base/webassembly.ts'
import type { Slab } from '../../base/slab.ts'
import type { Column } from '../../batch/column.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import { Decimal, type LogicalType, physicalKindOf } from '../../batch/types.ts'
import { PhysicalKind } from '../../kernels/column-layout.ts'
import { type BoundCall, type BoundCast, type BoundExpression, textOf } from '../bound-expression.ts'
import type { Value } from '../value.ts'
import { type Path, pathOf } from './text-columns.ts'

/** Computes rows of batches; undefined for what it does not compute. */
export interface NumberProgram {
  bind(batch: RecordBatch): void
  /** As that of a ColumnProgram; -1: a number was too large. */
  readonly filter: ((begin: number, end: number, selection: number, out: number) => number) | undefined
  /** As that of a ColumnProgram. Returns false if a number was too large: what was written is to be written again. */
  compute(index: number, begin: number, end: number, selection: number, target: Column): boolean
  free(): void
}

const I32 = 0x7f
const I64 = 0x7e
const F64 = 0x7c
type WasmType = typeof I32 | typeof I64 | typeof F64

/** Opcodes. */
const OP = {
  ...{ block: 0x02, loop: 0x03, if: 0x04, else: 0x05, end: 0x0b, br: 0x0c, brIf: 0x0d, return: 0x0f, get: 0x20, set: 0x21, tee: 0x22 },
  ...{ load32: 0x28, load64: 0x29, loadF32: 0x2a, loadF64: 0x2b, load8s: 0x2c, load8u: 0x2d, load16s: 0x2e },
  ...{ store32: 0x36, store64: 0x37, storeF32: 0x38, storeF64: 0x39, store8: 0x3a, store16: 0x3b, const32: 0x41, const64: 0x42, constF64: 0x44 },
  ...{ eqz32: 0x45, geS32: 0x4e, ltS64: 0x53, gtS64: 0x55 },
  ...{ add32: 0x6a, and32: 0x71, or32: 0x72, xor32: 0x73, shl32: 0x74, shrU32: 0x76 },
  ...{ mul64: 0x7e, divS64: 0x7f, remS64: 0x81, shrS64: 0x87, divF64: 0xa3 },
  ...{ wrap: 0xa7, extend: 0xac, demote: 0xb6, convert32: 0xb7, convert64: 0xb9, promote: 0xbb, extend8: 0xc0, extend16: 0xc1 },
} as const
const VOID = 0x40
/** By operator: for i32, i64 and f64. */
const COMPARISONS: Readonly<Record<string, Readonly<Record<WasmType, number>>>> = {
  '=': { [I32]: 0x46, [I64]: 0x51, [F64]: 0x61 },
  '<>': { [I32]: 0x47, [I64]: 0x52, [F64]: 0x62 },
  '<': { [I32]: 0x48, [I64]: 0x53, [F64]: 0x63 },
  '>': { [I32]: 0x4a, [I64]: 0x55, [F64]: 0x64 },
  '<=': { [I32]: 0x4c, [I64]: 0x57, [F64]: 0x65 },
  '>=': { [I32]: 0x4e, [I64]: 0x59, [F64]: 0x66 },
}
const ARITHMETIC: Readonly<Record<string, Readonly<Record<WasmType, number>>>> = {
  '+': { [I32]: 0x6a, [I64]: 0x7c, [F64]: 0xa0 },
  '-': { [I32]: 0x6b, [I64]: 0x7d, [F64]: 0xa1 },
  '*': { [I32]: 0x6c, [I64]: 0x7e, [F64]: 0xa2 },
  // Of doubles; of integers only by a constant that is neither 0 nor -1.
  '/': { [I32]: 0x6d, [I64]: 0x7f, [F64]: 0xa3 },
  '%': { [I32]: 0x6f, [I64]: 0x81, [F64]: 0 },
}
const INTEGERS: Readonly<Record<string, number>> = { TINYINT: 8, SMALLINT: 16, INT: 32, BIGINT: 64 }
/** What a unit of the day has, and what it counts up to, in ms. */
const UNITS: Readonly<Record<string, readonly [ms: bigint, of: bigint]>> = {
  HOUR: [3_600_000n, 86_400_000n],
  MINUTE: [60_000n, 3_600_000n],
  SECOND: [1000n, 60_000n],
}
const LONG_MAX = 2n ** 63n - 1n
const SAFE = 2n ** 53n
/** Beyond this many digits behind the point a power of ten is no double. */
const SCALE_MAX = 22

/** The parameters of each function: rows, then addresses of what is written, and of what {@link NumberProgram.bind} writes. */
const [BEGIN, END, SELECTION, TARGET, VALIDITY, COLUMNS] = [0, 1, 2, 3, 4, 5]
/** Of a function. Compiling takes a time that grows with their square: 60,000 took two seconds. */
const LOCALS_MAX = 2000
/** Of a module: thousands of functions take longer to compile than the rows of most queries to compute. */
const FUNCTIONS_MAX = 256
/** Of a column: u32 values | validity bits, 0 without NULLs | validity bits of the row that it is a field of, likewise. */
const COLUMN_BYTES = 12

/** A value on its way: in locals. */
interface Operand {
  readonly type: WasmType
  readonly value: number
  /** Whether it is NULL; undefined: never. */
  readonly isNull: number | undefined
  /** Of an integer: no value is farther from 0. */
  readonly most: bigint
  /** Of an integer that is always the same. */
  readonly constant?: bigint
}

/** Locals that hold what {@link NumberProgram.bind} has written of a column. */
interface Addresses {
  readonly values: number
  readonly validity: number
  readonly parent: number | undefined
}

/** What cannot be said in WebAssembly. */
class NotTaken extends Error {}

/** Makes the code of one operator for batches in a slab; undefined if none of it can be. */
export function compileNumbers(condition: BoundExpression | undefined, expressions: readonly BoundExpression[], slab: Slab): NumberProgram | undefined {
  const paths: Path[] = []
  const functions: number[][] = []
  const nullable = new Set<number>()
  const add = (make: (writer: FunctionWriter) => void): number => {
    if (functions.length >= FUNCTIONS_MAX) return -1
    const known = paths.length
    try {
      const writer = new FunctionWriter(paths)
      make(writer)
      if (writer.isNullable) nullable.add(functions.length)
      return functions.push(writer.bytes()) - 1
    } catch (error) {
      if (!(error instanceof NotTaken)) throw error
      paths.length = known
      return -1
    }
  }
  const filterAt = condition === undefined ? -1 : add((writer) => writer.filter(condition))
  const computesAt = expressions.map((expression) => add((writer) => writer.compute(expression)))
  if (functions.length === 0) return undefined
  type Compiled = (begin: number, end: number, selection: number, target: number, validity: number, columns: number) => number
  const exported = instantiateModule(compileModule(moduleOf(functions)), { env: { memory: slab.memory } })
  const compiled = functions.map((_, index) => exported[`f${index}`] as Compiled)
  const bytes = paths.length * COLUMN_BYTES
  const bound = slab.allocate(Math.max(1, bytes))
  return {
    bind({ columns }) {
      const { u32 } = slab
      let at = bound >>> 2
      for (const { column, field } of paths) {
        const whole = columns[column]
        const of = field === undefined ? whole : whole.children[field]
        u32[at++] = of.values
        u32[at++] = of.nullCount === 0 ? 0 : of.validity
        u32[at++] = field === undefined || whole.nullCount === 0 ? 0 : whole.validity
      }
    },
    filter: filterAt < 0 ? undefined : (begin, end, selection, out) => compiled[filterAt](begin, end, selection, out, 0, bound),
    compute(index, begin, end, selection, target) {
      const at = computesAt[index]
      if (at < 0 || (target.validity === 0 && nullable.has(at))) return false
      // The bits of rows without a value are taken away.
      if (target.validity !== 0 && target.nullCount === 0) slab.fill(target.validity, 0xff, (target.rowCapacity + 7) >>> 3)
      const nulls = compiled[at](begin, end, selection, target.values, target.validity, bound)
      if (nulls < 0) return false
      target.nullCount += nulls
      return true
    },
    free: () => slab.free(bound, Math.max(1, bytes)),
  }
}

/** Writes one function. */
class FunctionWriter {
  /** Whether a result may be NULL. */
  isNullable = false
  readonly #paths: Path[]
  #code: number[] = []
  readonly #locals: WasmType[] = []
  /** Columns that are in locals, from the outermost block to the one under way; and what each of them needs from {@link NumberProgram.bind}. */
  #scopes: Map<number, Operand>[] = [new Map()]
  readonly #bound = new Map<number, Addresses>()
  readonly #position = this.#local(I32)
  readonly #row = this.#local(I32)
  readonly #count = this.#local(I32)

  constructor(paths: Path[]) {
    this.#paths = paths
  }

  /** Lists the rows for which a condition is TRUE. */
  filter(condition: BoundExpression): void {
    this.#rows(() => {
      const { value, isNull } = this.#truth(condition)
      // Written where the next row goes that is TRUE, which may be this one.
      this.#emit(OP.get, TARGET, OP.get, ...u(this.#count), OP.const32, 2, OP.shl32, OP.add32, OP.get, ...u(this.#row), OP.store32, 2, 0)
      this.#isTrue(value, isNull)
      this.#emit(OP.get, ...u(this.#count), OP.add32, OP.set, ...u(this.#count))
    })
  }

  /** Computes a column. Counts its NULLs. */
  compute(expression: BoundExpression): void {
    const { type } = expression
    const kind = physicalKindOf(type)
    this.#rows(() => {
      const operand = this.#operand(expression)
      if (wasmTypeOf(type) !== operand.type) throw new NotTaken()
      this.#store(kind, operand)
      if (operand.isNull === undefined) return
      this.isNullable = true
      this.#emit(OP.get, ...u(operand.isNull), OP.if, VOID)
      this.#emit(OP.get, ...u(this.#count), OP.const32, 1, OP.add32, OP.set, ...u(this.#count))
      this.#setBit(VALIDITY, () => this.#emit(OP.const32, 0))
      this.#emit(OP.end)
    })
  }

  /** The function: its locals, and its code. */
  bytes(): number[] {
    const locals = this.#locals.flatMap((type) => [1, type])
    // Addresses do not change from row to row.
    const loads = Array.from(this.#bound, ([place, addresses]) =>
      [addresses.values, addresses.validity, addresses.parent].flatMap((local, part) =>
        local === undefined ? [] : [OP.get, COLUMNS, OP.load32, 2, ...u(place * COLUMN_BYTES + part * 4), OP.set, ...u(local)],
      ),
    ).flat()
    const body = [...u(this.#locals.length), ...locals, ...loads, ...this.#code, OP.get, ...u(this.#count), OP.end]
    return [...u(body.length), ...body]
  }

  /** A loop over the rows that are asked for. */
  #rows(each: () => void): void {
    const [position, row] = [u(this.#position), u(this.#row)]
    this.#emit(OP.get, BEGIN, OP.set, ...position, OP.block, VOID, OP.loop, VOID)
    this.#emit(OP.get, ...position, OP.get, END, OP.geS32, OP.brIf, 1)
    this.#emit(OP.get, SELECTION, OP.if, I32, OP.get, SELECTION, OP.get, ...position, OP.const32, 2, OP.shl32, OP.add32, OP.load32, 2, 0)
    this.#emit(OP.else, OP.get, ...position, OP.end, OP.set, ...row)
    each()
    this.#emit(OP.get, ...position, OP.const32, 1, OP.add32, OP.set, ...position, OP.br, 0, OP.end, OP.end)
  }

  // ---- expressions ----

  #truth(expression: BoundExpression): Operand {
    if (expression.type.kind !== 'BOOLEAN') throw new NotTaken()
    return this.#operand(expression)
  }

  #operand(expression: BoundExpression): Operand {
    const path = pathOf(expression)
    if (path !== undefined) return this.#load(path, expression.type)
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
        throw new NotTaken()
    }
  }

  #literal(value: Value, type: LogicalType): Operand {
    const wasmType = wasmTypeOf(type)
    if (value === null) {
      this.#emit(...constantOf(wasmType, 0))
      const zero = this.#set(wasmType)
      this.#emit(OP.const32, 1)
      return { type: wasmType, value: zero, isNull: this.#set(I32), most: 0n }
    }
    const number = value instanceof Decimal && type.kind === 'DECIMAL' ? raised(value.unscaled, type.scale - value.scale) : value
    if (wasmType === F64) {
      if (typeof number !== 'number') throw new NotTaken()
      this.#emit(...constantOf(F64, number))
      return { type: F64, value: this.#set(F64), isNull: undefined, most: 0n }
    }
    if (typeof number !== 'number' && typeof number !== 'bigint' && typeof number !== 'boolean') throw new NotTaken()
    const constant = BigInt(number)
    if (magnitude(constant) > LONG_MAX) throw new NotTaken()
    this.#emit(...constantOf(wasmType, constant))
    return { type: wasmType, value: this.#set(wasmType), isNull: undefined, most: magnitude(constant), constant }
  }

  #load(path: Path, type: LogicalType): Operand {
    const place = this.#placeOf(path)
    for (const scope of this.#scopes) {
      const known = scope.get(place)
      if (known !== undefined) return known
    }
    const wasmType = wasmTypeOf(type)
    const kind = physicalKindOf(type)
    if (kind === PhysicalKind.INT128) throw new NotTaken()
    const { values } = this.#addressesOf(place)
    if (kind === PhysicalKind.BIT) this.#bit(values)
    else {
      const [shift, ...load] = LOADS[kind]!
      this.#emit(OP.get, ...u(values), OP.get, ...u(this.#row), ...(shift === 0 ? [] : [OP.const32, shift, OP.shl32]), OP.add32, ...load)
    }
    const value = this.#set(wasmType)
    const operand = { type: wasmType, value, isNull: this.#isMissing(place), most: mostOf(type) }
    this.#scopes[this.#scopes.length - 1].set(place, operand)
    return operand
  }

  /** Whether a column of any type has no value. */
  #missing(path: Path, type: LogicalType): Pick<Operand, 'isNull'> {
    if (physicalKindOf(type) === PhysicalKind.OBJECT) throw new NotTaken()
    return { isNull: this.#isMissing(this.#placeOf(path)) }
  }

  #placeOf(path: Path): number {
    const place = this.#paths.findIndex(({ column, field }) => column === path.column && field === path.field)
    return place >= 0 ? place : this.#paths.push(path) - 1
  }

  #addressesOf(place: number): Addresses {
    let addresses = this.#bound.get(place)
    if (addresses === undefined) {
      const hasParent = this.#paths[place].field !== undefined
      addresses = { values: this.#local(I32), validity: this.#local(I32), parent: hasParent ? this.#local(I32) : undefined }
      this.#bound.set(place, addresses)
    }
    return addresses
  }

  #isMissing(place: number): number {
    const { validity, parent } = this.#addressesOf(place)
    this.#invalid(validity)
    if (parent !== undefined) {
      this.#invalid(parent)
      this.#emit(OP.or32)
    }
    return this.#set(I32)
  }

  /** Whether a bit of the row is not set; false where there are no bits. */
  #invalid(bits: number): void {
    this.#emit(OP.get, ...u(bits), OP.if, I32)
    this.#bit(bits)
    this.#emit(OP.const32, 1, OP.xor32, OP.else, OP.const32, 0, OP.end)
  }

  /** The bit of the row. */
  #bit(bits: number): void {
    this.#emit(OP.get, ...u(bits), OP.get, ...u(this.#row), OP.const32, 3, OP.shrU32, OP.add32, OP.load8u, 0, 0)
    this.#emit(OP.get, ...u(this.#row), OP.const32, 7, OP.and32, OP.shrU32, OP.const32, 1, OP.and32)
  }

  #case({ branches, otherwise, type }: BoundExpression & { readonly kind: 'case' }): Operand {
    const wasmType = wasmTypeOf(type)
    const [value, isNull] = [this.#local(wasmType), this.#local(I32)]
    let most = 0n
    const assign = (of: BoundExpression): void => {
      const operand = this.#operand(of)
      if (operand.type !== wasmType || scaleOf(of.type) !== scaleOf(type)) throw new NotTaken()
      if (operand.most > most) most = operand.most
      this.#emit(OP.get, ...u(operand.value), OP.set, ...u(value))
      this.#emit(...(operand.isNull === undefined ? [OP.const32, 0] : [OP.get, ...u(operand.isNull)]), OP.set, ...u(isNull))
    }
    this.#emit(OP.block, VOID)
    this.#inScope(() => {
      for (const { when, result } of branches) {
        const condition = this.#truth(when)
        this.#isTrue(condition.value, condition.isNull)
        this.#emit(OP.if, VOID)
        this.#inScope(() => assign(result))
        this.#emit(OP.br, 1, OP.end)
      }
      assign(otherwise)
    })
    this.#emit(OP.end)
    return { type: wasmType, value, isNull, most }
  }

  /** What is loaded there is not known to be loaded behind it. */
  #inScope(write: () => void): void {
    this.#scopes.push(new Map())
    write()
    this.#scopes.pop()
  }

  #call(call: BoundCall): Operand {
    const { name, operands } = call
    switch (name) {
      case 'AND':
      case 'OR':
        return operands.slice(1).reduce((left, right) => this.#connective(name, left, this.#truth(right)), this.#truth(operands[0]))
      case 'NOT': {
        const { value, isNull } = this.#truth(operands[0])
        this.#emit(OP.get, ...u(value), OP.eqz32)
        return truth(this.#set(I32), isNull)
      }
      case 'IS NULL':
      case 'IS NOT NULL': {
        const path = pathOf(operands[0])
        const { isNull } = path === undefined ? this.#operand(operands[0]) : this.#missing(path, operands[0].type)
        this.#emit(...(isNull === undefined ? [OP.const32, 0] : [OP.get, ...u(isNull)]), ...(name === 'IS NULL' ? [] : [OP.eqz32]))
        return truth(this.#set(I32), undefined)
      }
      case 'IS TRUE': {
        const { value, isNull } = this.#truth(operands[0])
        this.#isTrue(value, isNull)
        return truth(this.#set(I32), undefined)
      }
      case 'MOD':
        return this.#arithmetic({ ...call, name: '%' })
      case '+':
      case '-':
      case '*':
      case '/':
      case '%':
        return this.#arithmetic(call)
      case 'HOUR':
      case 'MINUTE':
      case 'SECOND':
        return this.#unit(call)
      default:
        if (COMPARISONS[name] !== undefined) return this.#comparison(call)
        throw new NotTaken()
    }
  }

  #connective(name: 'AND' | 'OR', left: Operand, right: Operand): Operand {
    const isAnd = name === 'AND'
    this.#emit(OP.get, ...u(left.value), OP.get, ...u(right.value), isAnd ? OP.and32 : OP.or32)
    if (left.isNull === undefined && right.isNull === undefined) return truth(this.#set(I32), undefined)
    // NULL if one is, unless the other one decides.
    const value = this.#set(I32)
    const open = (one: Operand, other: Operand): void => {
      this.#emit(OP.get, ...u(one.isNull!))
      if (other.isNull === undefined) this.#emit(OP.get, ...u(other.value), ...(isAnd ? [] : [OP.eqz32]), OP.and32)
      else this.#emit(OP.get, ...u(other.isNull), OP.get, ...u(other.value), ...(isAnd ? [] : [OP.eqz32]), OP.or32, OP.and32)
    }
    if (left.isNull !== undefined) open(left, right)
    if (right.isNull !== undefined) open(right, left)
    if (left.isNull !== undefined && right.isNull !== undefined) this.#emit(OP.or32)
    const isNull = this.#set(I32)
    return truth(value, isNull)
  }

  #comparison({ name, operands }: BoundCall): Operand {
    // What says the same is equal, NaN too.
    if (textOf(operands[0]) === textOf(operands[1])) throw new NotTaken()
    let [left, right] = operands.map((operand) => this.#operand(operand))
    const scales = operands.map(({ type }) => scaleOf(type))
    if (scales[0] !== undefined && scales[1] !== undefined) {
      const scale = Math.max(scales[0], scales[1])
      ;[left, right] = [this.#raise(left, scale - scales[0]), this.#raise(right, scale - scales[1])]
      if (left.type !== right.type) [left, right] = [this.#long(left), this.#long(right)]
    } else if (operands[0].type.kind !== operands[1].type.kind) throw new NotTaken()
    if (left.type !== right.type) throw new NotTaken()
    this.#emit(OP.get, ...u(left.value), OP.get, ...u(right.value), COMPARISONS[name][left.type])
    const value = this.#set(I32)
    return truth(value, this.#anyNull(left, right))
  }

  #arithmetic({ name, operands, type }: BoundCall): Operand {
    let [left, right] = operands.map((operand) => this.#operand(operand))
    const isNull = this.#anyNull(left, right)
    const opcode = ARITHMETIC[name]
    if (type.kind === 'DOUBLE' || type.kind === 'FLOAT') {
      if (left.type !== F64 || right.type !== F64 || name === '%') throw new NotTaken()
      this.#emit(OP.get, ...u(left.value), OP.get, ...u(right.value), opcode[F64], ...(type.kind === 'FLOAT' ? [OP.demote, OP.promote] : []))
      return { type: F64, value: this.#set(F64), isNull, most: 0n }
    }
    if (type.kind === 'DECIMAL') return this.#decimal(name, operands, [left, right], isNull, type)
    const bits = INTEGERS[type.kind]
    if (bits === undefined || operands.some((operand) => INTEGERS[operand.type.kind] === undefined)) throw new NotTaken()
    const divides = name === '/' || name === '%'
    if (divides && (right.constant === undefined || right.constant === 0n || right.constant === -1n)) throw new NotTaken()
    const wasmType = bits === 64 || left.type === I64 || right.type === I64 ? I64 : I32
    if (wasmType === I64) [left, right] = [this.#long(left), this.#long(right)]
    this.#emit(OP.get, ...u(left.value), OP.get, ...u(right.value), opcode[wasmType])
    if (wasmType === I64 && bits < 64) this.#emit(OP.wrap)
    if (bits === 8) this.#emit(OP.extend8)
    if (bits === 16) this.#emit(OP.extend16)
    const own = bits === 64 ? I64 : I32
    return { type: own, value: this.#set(own), isNull, most: 2n ** BigInt(bits - 1) }
  }

  /** Sums, differences and products that need no rounding. */
  #decimal(
    name: string,
    operands: readonly BoundExpression[],
    [left, right]: readonly Operand[],
    isNull: number | undefined,
    type: LogicalType & { readonly kind: 'DECIMAL' },
  ): Operand {
    const [leftScale, rightScale] = operands.map((operand) => scaleOf(operand.type))
    if (leftScale === undefined || rightScale === undefined || name === '/' || name === '%') throw new NotTaken()
    if (name === '*' ? type.scale !== leftScale + rightScale : type.scale < Math.max(leftScale, rightScale)) throw new NotTaken()
    const isProduct = name === '*'
    let [one, other] = isProduct
      ? [this.#long(left), this.#long(right)]
      : [this.#long(this.#raise(left, type.scale - leftScale)), this.#long(this.#raise(right, type.scale - rightScale))]
    let most = isProduct ? one.most * other.most : one.most + other.most
    if (most > LONG_MAX) {
      if (!isProduct) [one, other] = [this.#within(one, LONG_MAX / 2n), this.#within(other, LONG_MAX / 2n)]
      else if (other.constant !== undefined) one = this.#within(one, LONG_MAX / other.most)
      else if (one.constant !== undefined) other = this.#within(other, LONG_MAX / one.most)
      else throw new NotTaken()
      most = LONG_MAX
    }
    this.#emit(OP.get, ...u(one.value), OP.get, ...u(other.value), ARITHMETIC[name][I64])
    return this.#within({ type: I64, value: this.#set(I64), isNull, most }, mostOf(type))
  }

  #cast({ operand, type }: BoundCast): Operand {
    const from = operand.type
    const given = this.#operand(operand)
    const [bits, wanted] = [INTEGERS[from.kind], INTEGERS[type.kind]]
    if (bits !== undefined && wanted !== undefined && bits <= wanted) return wanted === 64 ? this.#long(given) : given
    if (from.kind === 'FLOAT' && type.kind === 'DOUBLE') return given
    const isTime = type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ' || type.kind === 'TIME'
    if (isTime && from.kind === type.kind && from.precision <= type.precision && wasmTypeOf(type) === given.type) return given
    const scale = scaleOf(from)
    if (scale === undefined) throw new NotTaken()
    if (type.kind === 'DECIMAL' && type.scale >= scale) return this.#within(this.#long(this.#raise(given, type.scale - scale)), mostOf(type))
    if (type.kind !== 'DOUBLE' || scale > SCALE_MAX) throw new NotTaken()
    const { value, isNull } = scale === 0 ? given : this.#within(given, SAFE)
    this.#emit(OP.get, ...u(value), given.type === I32 ? OP.convert32 : OP.convert64)
    if (scale > 0) this.#emit(...constantOf(F64, 10 ** scale), OP.divF64)
    return { type: F64, value: this.#set(F64), isNull, most: 0n }
  }

  /** A part of the time of the day. */
  #unit({ name, operands: [operand], type }: BoundCall): Operand {
    const { value, isNull, type: given } = this.#operand(operand)
    if (operand.type.kind !== 'TIMESTAMP' || given !== I64 || type.kind !== 'BIGINT') throw new NotTaken()
    const [ms, of] = UNITS[name]
    // Before 1970 with its sign, as the interpreter has it.
    this.#emit(OP.get, ...u(value), ...constantOf(I64, of), OP.remS64, ...constantOf(I64, ms), OP.divS64)
    return { type: I64, value: this.#set(I64), isNull, most: of / ms }
  }

  // ---- operands ----

  /** An integer with more digits behind the point. */
  #raise(operand: Operand, digits: number): Operand {
    if (digits === 0) return operand
    const power = 10n ** BigInt(digits)
    if (power > LONG_MAX) throw new NotTaken()
    const long = this.#within(this.#long(operand), LONG_MAX / power)
    this.#emit(OP.get, ...u(long.value), ...constantOf(I64, power), OP.mul64)
    return {
      ...{ type: I64, value: this.#set(I64), isNull: operand.isNull, most: long.most * power },
      ...(operand.constant !== undefined && { constant: operand.constant * power }),
    }
  }

  #long(operand: Operand): Operand {
    if (operand.type === F64) throw new NotTaken()
    if (operand.type === I64) return operand
    this.#emit(OP.get, ...u(operand.value), OP.extend)
    return { ...operand, type: I64, value: this.#set(I64) }
  }

  /** An integer that is not farther from 0: with one that is, JavaScript computes all rows, unless it is NULL. */
  #within(operand: Operand, most: bigint): Operand {
    if (operand.most <= most) return operand
    if (operand.constant !== undefined) throw new NotTaken()
    const { value, isNull } = operand
    this.#emit(OP.get, ...u(value), ...constantOf(I64, most), OP.gtS64, OP.get, ...u(value), ...constantOf(I64, -most), OP.ltS64, OP.or32)
    if (isNull !== undefined) this.#emit(OP.get, ...u(isNull), OP.eqz32, OP.and32)
    this.#emit(OP.if, VOID, OP.const32, 0x7f, OP.return, OP.end)
    return { ...operand, most }
  }

  #anyNull(left: Operand, right: Operand): number | undefined {
    if (left.isNull === undefined || right.isNull === undefined) return left.isNull ?? right.isNull
    this.#emit(OP.get, ...u(left.isNull), OP.get, ...u(right.isNull), OP.or32)
    return this.#set(I32)
  }

  /** Leaves whether a truth is TRUE. */
  #isTrue(value: number, isNull: number | undefined): void {
    this.#emit(OP.get, ...u(value))
    if (isNull !== undefined) this.#emit(OP.get, ...u(isNull), OP.eqz32, OP.and32)
  }

  // ---- results ----

  #store(kind: PhysicalKind, { value }: Operand): void {
    const at = (shift: number): void => this.#emit(OP.get, TARGET, OP.get, ...u(this.#row), ...(shift === 0 ? [] : [OP.const32, shift, OP.shl32]), OP.add32)
    switch (kind) {
      case PhysicalKind.BIT:
        this.#setBit(TARGET, () => this.#emit(OP.get, ...u(value)))
        return
      case PhysicalKind.INT128:
        at(4)
        this.#emit(OP.get, ...u(value), OP.store64, 3, 0)
        at(4)
        this.#emit(OP.get, ...u(value), OP.const64, 63, OP.shrS64, OP.store64, 3, 8)
        return
      default: {
        const [shift, ...store] = STORES[kind]!
        at(shift)
        this.#emit(OP.get, ...u(value), ...store)
      }
    }
  }

  /** Sets the bit of the row to what `bit` leaves. */
  #setBit(bits: number, bit: () => void): void {
    const address = this.#local(I32)
    this.#emit(OP.get, ...u(bits), OP.get, ...u(this.#row), OP.const32, 3, OP.shrU32, OP.add32, OP.tee, ...u(address))
    // All bits but that one.
    this.#emit(
      OP.get,
      ...u(address),
      OP.load8u,
      0,
      0,
      OP.const32,
      1,
      OP.get,
      ...u(this.#row),
      OP.const32,
      7,
      OP.and32,
      OP.shl32,
      OP.const32,
      0x7f,
      OP.xor32,
      OP.and32,
    )
    bit()
    this.#emit(OP.get, ...u(this.#row), OP.const32, 7, OP.and32, OP.shl32, OP.or32, OP.store8, 0, 0)
  }

  // ---- code ----

  #emit(...bytes: readonly number[]): void {
    for (const byte of bytes) this.#code.push(byte)
  }

  #local(type: WasmType): number {
    if (this.#locals.length >= LOCALS_MAX) throw new NotTaken()
    return this.#locals.push(type) - 1 + COLUMNS + 1
  }

  /** Takes what lies on the stack into a new local. */
  #set(type: WasmType): number {
    const local = this.#local(type)
    this.#emit(OP.set, ...u(local))
    return local
  }
}

function truth(value: number, isNull: number | undefined): Operand {
  return { type: I32, value, isNull, most: 1n }
}

/** The form in which values of a type are computed. */
function wasmTypeOf(type: LogicalType): WasmType {
  switch (physicalKindOf(type)) {
    case PhysicalKind.BIT:
    case PhysicalKind.INT8:
    case PhysicalKind.INT16:
    case PhysicalKind.INT32:
      return I32
    case PhysicalKind.INT64:
    case PhysicalKind.INT128:
      // Times of more digits than milliseconds are counted in another unit.
      if ('precision' in type && type.kind !== 'DECIMAL' && type.precision > 3) throw new NotTaken()
      return I64
    case PhysicalKind.FLOAT32:
    case PhysicalKind.FLOAT64:
      return F64
    default:
      throw new NotTaken()
  }
}

/** How a value of a kind is loaded: the width of a row as a shift, and the instruction. */
const LOADS: Readonly<Partial<Record<PhysicalKind, readonly [shift: number, ...code: number[]]>>> = {
  [PhysicalKind.INT8]: [0, OP.load8s, 0, 0],
  [PhysicalKind.INT16]: [1, OP.load16s, 1, 0],
  [PhysicalKind.INT32]: [2, OP.load32, 2, 0],
  [PhysicalKind.INT64]: [3, OP.load64, 3, 0],
  [PhysicalKind.FLOAT32]: [2, OP.loadF32, 2, 0, OP.promote],
  [PhysicalKind.FLOAT64]: [3, OP.loadF64, 3, 0],
}
const STORES: typeof LOADS = {
  [PhysicalKind.INT8]: [0, OP.store8, 0, 0],
  [PhysicalKind.INT16]: [1, OP.store16, 1, 0],
  [PhysicalKind.INT32]: [2, OP.store32, 2, 0],
  [PhysicalKind.INT64]: [3, OP.store64, 3, 0],
  [PhysicalKind.FLOAT32]: [2, OP.demote, OP.storeF32, 2, 0],
  [PhysicalKind.FLOAT64]: [3, OP.storeF64, 3, 0],
}

/** Digits behind the point of an exact number. */
function scaleOf(type: LogicalType): number | undefined {
  if (type.kind === 'DECIMAL') return type.scale
  return INTEGERS[type.kind] === undefined ? undefined : 0
}

/** How far from 0 integers of a type may be. */
function mostOf(type: LogicalType): bigint {
  if (type.kind === 'DECIMAL') return 10n ** BigInt(type.precision) - 1n
  return 2n ** BigInt((INTEGERS[type.kind] ?? 64) - 1)
}

function magnitude(number: bigint): bigint {
  return number < 0n ? -number : number
}

function raised(number: bigint, digits: number): bigint {
  if (digits < 0) throw new NotTaken()
  return number * 10n ** BigInt(digits)
}

// ---- the binary format ----

/** An unsigned number. */
function u(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
    rest >>>= 7
  } while (rest > 0)
  return bytes
}

function constantOf(type: WasmType, value: number | bigint): number[] {
  if (type === F64) return [OP.constF64, ...new Uint8Array(new Float64Array([Number(value)]).buffer)]
  const bytes: number[] = [type === I64 ? OP.const64 : OP.const32]
  let rest = BigInt(value)
  for (;;) {
    const byte = Number(rest & 0x7fn)
    rest >>= 7n
    const isLast = rest === 0n ? (byte & 0x40) === 0 : rest === -1n && (byte & 0x40) !== 0
    bytes.push(isLast ? byte : byte | 0x80)
    if (isLast) return bytes
  }
}

/** A module of functions, which are exported as f0, f1, ... */
function moduleOf(functions: readonly (readonly number[])[]): Uint8Array {
  const section = (id: number, content: readonly number[]): number[] => [id, ...u(content.length), ...content]
  const name = (text: string): number[] => [...u(text.length), ...Buffer.from(text)]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 6, I32, I32, I32, I32, I32, I32, 1, I32]),
    // A shared memory of 0 to 65536 pages.
    ...section(2, [1, ...name('env'), ...name('memory'), 0x02, 0x03, 0x00, 0x80, 0x80, 0x04]),
    ...section(3, [...u(functions.length), ...functions.map(() => 0)]),
    ...section(7, [...u(functions.length), ...functions.flatMap((_, index) => [...name(`f${index}`), 0x00, ...u(index)])]),
    ...section(10, [...u(functions.length), ...functions.flat()]),
  ])
}
