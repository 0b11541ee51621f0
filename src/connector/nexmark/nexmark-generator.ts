// Nexmark events in bulk: fills the columns of a batch, or writes JSON lines, by kernels. Runs on the thread that owns the slab. Invariant:
// what stands at a position depends on the settings and the position alone, never on how positions are cut into batches or dealt to readers.

import { assert } from '../../base/assert.ts'
import { PlanError } from '../../base/errors.ts'
import type { Slab } from '../../base/slab.ts'
import type { Column } from '../../batch/column.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import { formatType, LENGTH_MAX, type LogicalType, type Schema } from '../../batch/types.ts'
import { BUFFER_SLACK_BYTES, PhysicalKind } from '../../kernels/column-layout.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import * as layout from './nexmark-layout.ts'
import { NEXMARK_EVENTS_MAX, type NexmarkOptions, type NexmarkSettings, resolveNexmarkOptions } from './nexmark-options.ts'

declare module '../../kernels/kernels.ts' {
  interface Kernels {
    nexmarkPrepare(config: number): void
    nexmarkSelect(config: number, first: number, count: number, lists: number): void
    nexmarkColumns(config: number, count: number, lists: number, leaves: number, bits: number, dense: number): void
    nexmarkJsonLines(config: number, first: number, count: number, target: number): number
  }
}

/** 2^64 divided by the golden ratio: the step of every stream of draws. */
const GAMMA = 0x9e3779b97f4a7c15n
const LIST_ENTRY_BYTES = 16
const POOL_SLACK_BYTES = 64
/** Bytes of a line beside its texts of varying length: pieces, seven integers of at most 16 digits, two times. */
const LINE_FIXED_BYTES = 512
const KIND_OF_LEAF = (leaf: number): number => (leaf < 5 ? -1 : leaf < 13 ? 0 : leaf < 23 ? 1 : 2)

interface Binding {
  /** Leaf number and column of every wanted column, structs included. */
  readonly columns: readonly { readonly leaf: number; readonly path: readonly number[] }[]
  readonly table: layout.NexmarkTable
}

/** The draw keys of a seed, one for each field and purpose. */
export function nexmarkKeys(seed: number): readonly bigint[] {
  return Array.from({ length: layout.KEY_COUNT }, (_, key) => {
    let z = BigInt.asUintN(64, BigInt(seed) * 0xd1342543de82ef95n + BigInt(key + 1) * GAMMA)
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n)
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn)
    return z ^ (z >> 31n)
  })
}

/**
 * Events in one shuffled block, or 1 for no shuffling: two layers of blocks move an event by less than two blocks, which must stay within the
 * disorder asked for.
 */
export function nexmarkOrderBlock(settings: NexmarkSettings): number {
  const events = Math.floor((settings.disorderMs * settings.eventRate) / 1000)
  return Math.max(1, Math.min(1 << 30, Math.floor((events + 1) / 2)))
}

/** The longest `extra` of a row of this mean size with `taken` bytes in its other fields. */
function extraBytesMax(size: number, taken: number): number {
  return taken > size ? 0 : Math.ceil((size - taken) * 1.2) + 2
}

/** Makes Nexmark events. Positions count all events, from 0; a table of one kind skips those of the others. */
export class NexmarkGenerator {
  readonly settings: NexmarkSettings
  /** Positions below this exist. */
  readonly eventCount: number
  /** No line of JSON is longer. */
  readonly lineBytesMax: number
  readonly #slab: Slab
  readonly #kernels: Kernels
  readonly #config: number
  readonly #letters: number
  readonly #spaced: number
  readonly #channels: number
  readonly #leaves: number
  readonly #leafBytesMax: Readonly<Record<number, number>>
  readonly #bindings = new WeakMap<Schema, Binding>()
  #lists = 0
  #listsBytes = 0

  /** @throws {PlanError} `INVALID_OPTION` if an option is out of its range. */
  constructor(slab: Slab, kernels: Kernels, options: NexmarkOptions = {}) {
    this.#slab = slab
    this.#kernels = kernels
    const settings = resolveNexmarkOptions(options)
    this.settings = settings
    this.eventCount = settings.eventCount === 0 ? NEXMARK_EVENTS_MAX : settings.eventCount
    const texts = [extraBytesMax(settings.personSizeAvg, 8), extraBytesMax(settings.auctionSizeAvg, 48), extraBytesMax(settings.bidSizeAvg, 32)] as const
    this.#leafBytesMax = { 6: 14, 7: 15, 8: 19, 9: 13, 10: 2, 12: texts[0], 14: 19, 15: 99, 22: texts[1], 26: 12, 27: 80, 29: texts[2] }
    this.lineBytesMax = LINE_FIXED_BYTES + 120 + Math.max(...texts)
    this.#letters = slab.allocate(layout.LETTERS_BYTES + POOL_SLACK_BYTES)
    this.#spaced = slab.allocate(layout.SPACED_BYTES + POOL_SLACK_BYTES)
    this.#channels = slab.allocate((layout.CHANNEL_COUNT + layout.HOT_CHANNELS.length) * layout.CHANNEL_RECORD_BYTES + POOL_SLACK_BYTES)
    this.#leaves = slab.allocateZeroed(layout.LEAVES.length * 4)
    this.#config = slab.allocateZeroed(layout.CONFIG_BYTES)
    this.#writeConfig()
    kernels.nexmarkPrepare(this.#config)
  }

  /**
   * Replaces the rows of `batch` by the events at positions `first` .. `first + count - 1`; for a table of one kind, by those of them that are
   * of that kind. Only the columns of the batch's schema are made: any columns of {@link layout.NEXMARK_EVENTS} with any of their fields, and
   * `dateTime` for the time of every event; or any columns of one flat table.
   *
   * @returns The number of rows made.
   * @throws {PlanError} `NOT_NEXMARK` if the schema has a column that the table does not.
   */
  generateColumns(first: number, count: number, batch: RecordBatch, table: layout.NexmarkTable = 'events'): number {
    assert(first >= 0 && first + count <= this.eventCount, 'event positions out of range')
    const binding = this.#bind(batch.schema, table)
    const lists = this.#room(count)
    const { nexmarkSelect, nexmarkColumns } = this.#kernels
    nexmarkSelect(this.#config, first, count, lists)
    const dense = table !== 'events'
    const countsAt = (this.#config + layout.CONFIG_COUNTS) >>> 2
    const rows = dense ? this.#slab.u32[countsAt + (table === 'person' ? 0 : table === 'auction' ? 1 : 2)] : count
    for (const column of batch.columns) {
      column.clear()
      column.ensureRows(Math.max(1, rows))
    }
    let timestamps = 0
    for (const { leaf, path } of binding.columns) {
      const column = columnAt(batch, path)
      const bytesMax = this.#leafBytesMax[leaf]
      if (bytesMax !== undefined) column.ensureData(this.#slab.u32[countsAt + KIND_OF_LEAF(leaf)] * bytesMax)
      this.#slab.u32[(this.#leaves >>> 2) + leaf] = column.descriptor
      if (layout.LEAVES[leaf].endsWith('dateTime') && path.length === 1) timestamps = column.values
    }
    nexmarkColumns(this.#config, count, lists, this.#leaves, lists + count * LIST_ENTRY_BYTES * 3, dense ? 1 : 0)
    for (const { leaf } of binding.columns) this.#slab.u32[(this.#leaves >>> 2) + leaf] = 0
    batch.rowCount = rows
    batch.kinds = 0
    batch.timestamps = timestamps
    batch.selection = 0
    batch.selectedCount = 0
    batch.crossings.clear()
    batch.rewind()
    return rows
  }

  /**
   * Writes the events at positions `first` .. `first + count - 1` as JSON lines to the slab address `target`, where `count *`
   * {@link lineBytesMax} bytes and the usual slack are free.
   *
   * @returns The number of bytes written.
   */
  generateJsonLines(first: number, count: number, target: number): number {
    assert(first >= 0 && first + count <= this.eventCount, 'event positions out of range')
    return this.#kernels.nexmarkJsonLines(this.#config, first, count, target)
  }

  /** Gives the memory back. */
  close(): void {
    const slab = this.#slab
    slab.free(this.#letters, layout.LETTERS_BYTES + POOL_SLACK_BYTES)
    slab.free(this.#spaced, layout.SPACED_BYTES + POOL_SLACK_BYTES)
    slab.free(this.#channels, (layout.CHANNEL_COUNT + layout.HOT_CHANNELS.length) * layout.CHANNEL_RECORD_BYTES + POOL_SLACK_BYTES)
    slab.free(this.#leaves, layout.LEAVES.length * 4)
    slab.free(this.#config, layout.CONFIG_BYTES)
    if (this.#listsBytes > 0) slab.free(this.#lists, this.#listsBytes)
    this.#listsBytes = 0
  }

  /** Lists of `count` entries for three kinds, and three bitmaps. */
  #room(count: number): number {
    const bytes = count * LIST_ENTRY_BYTES * 3 + Math.ceil(count / 8) * 3 + BUFFER_SLACK_BYTES
    if (bytes > this.#listsBytes) {
      if (this.#listsBytes > 0) this.#slab.free(this.#lists, this.#listsBytes)
      this.#lists = this.#slab.allocate(bytes)
      this.#listsBytes = bytes
    }
    return this.#lists
  }

  #bind(schema: Schema, table: layout.NexmarkTable): Binding {
    const known = this.#bindings.get(schema)
    if (known?.table === table) return known
    const columns: { leaf: number; path: readonly number[] }[] = []
    schema.fields.forEach((field, index) => {
      const name = table === 'events' ? field.name : `${table}.${field.name}`
      columns.push({ leaf: leafOf(name, field.type), path: [index] })
      if (field.type.kind !== 'ROW') return
      field.type.fields.forEach((child, at) => columns.push({ leaf: leafOf(`${field.name}.${child.name}`, child.type), path: [index, at] }))
    })
    const binding = { columns, table }
    this.#bindings.set(schema, binding)
    return binding
  }

  #writeConfig(): void {
    const { settings } = this
    const slab = this.#slab
    const config = this.#config
    const total = settings.personProportion + settings.auctionProportion + settings.bidProportion
    const doubles: readonly (readonly [number, number])[] = [
      [layout.CONFIG_BASE_TIME, settings.baseTimeMs],
      [layout.CONFIG_RATE, settings.eventRate],
      [layout.CONFIG_EVENT_LIMIT, settings.eventCount === 0 ? Infinity : settings.eventCount],
      [layout.CONFIG_HORIZON_EVENTS, Math.floor((100 * total) / settings.auctionProportion)],
      [layout.CONFIG_TIME_CACHE, -1],
      [layout.CONFIG_EXPIRES_CACHE, -1],
    ]
    const words: readonly (readonly [number, number])[] = [
      [layout.CONFIG_PERSONS, settings.personProportion],
      [layout.CONFIG_AUCTIONS, settings.auctionProportion],
      [layout.CONFIG_TOTAL, total],
      [layout.CONFIG_PERSON_SIZE, settings.personSizeAvg],
      [layout.CONFIG_AUCTION_SIZE, settings.auctionSizeAvg],
      [layout.CONFIG_BID_SIZE, settings.bidSizeAvg],
      [layout.CONFIG_HOT_AUCTIONS, settings.hotAuctionRatio],
      [layout.CONFIG_HOT_BIDDERS, settings.hotBidderRatio],
      [layout.CONFIG_HOT_SELLERS, settings.hotSellerRatio],
      [layout.CONFIG_BIDDER_OFFSET, settings.bidderOffset],
      [layout.CONFIG_LETTERS, this.#letters],
      [layout.CONFIG_SPACED, this.#spaced],
      [layout.CONFIG_CHANNELS, this.#channels],
      [layout.CONFIG_ORDER_BLOCK, nexmarkOrderBlock(settings)],
    ]
    for (const [at, value] of doubles) slab.f64[(config + at) >>> 3] = value
    for (const [at, value] of words) slab.u32[(config + at) >>> 2] = value
    nexmarkKeys(settings.seed).forEach((key, index) => (slab.u64[((config + layout.CONFIG_KEYS) >>> 3) + index] = key))
    const texts = [...layout.FIRST_NAMES, ...layout.LAST_NAMES, ...layout.CITIES, ...layout.STATES]
    texts.forEach((text, index) => this.#writeSlot(config + layout.CONFIG_WORDS + index * layout.WORD_BYTES, layout.WORD_BYTES, text))
    layout.PIECES.forEach((text, index) => this.#writeSlot(config + layout.CONFIG_PIECES + index * layout.PIECE_BYTES, layout.PIECE_BYTES, text))
    layout.HOT_CHANNELS.forEach((text, index) => {
      const record = this.#channels + index * layout.CHANNEL_RECORD_BYTES
      slab.u8[record] = text.length
      for (let at = 0; at < text.length; at++) slab.u8[record + 2 + at] = text.charCodeAt(at)
    })
  }

  /** ASCII text at the start of a slot, its length in the last byte. */
  #writeSlot(address: number, bytes: number, text: string): void {
    const u8 = this.#slab.u8
    assert(text.length < bytes, 'text longer than its slot')
    for (let at = 0; at < text.length; at++) u8[address + at] = text.charCodeAt(at)
    u8[address + bytes - 1] = text.length
  }
}

function columnAt(batch: RecordBatch, path: readonly number[]): Column {
  const column = batch.columns[path[0]]
  return path.length === 1 ? column : column.children[path[1]]
}

/** What a leaf is stored as. */
function kindOf(leaf: number): PhysicalKind {
  if (leaf === 0) return PhysicalKind.INT32
  if (leaf < 4) return PhysicalKind.STRUCT
  return [6, 7, 8, 9, 10, 12, 14, 15, 22, 26, 27, 29].includes(leaf) ? PhysicalKind.BYTES : PhysicalKind.INT64
}

/** The number of a leaf, its declared type checked. */
function leafOf(path: string, type: LogicalType): number {
  const leaf = layout.LEAVES.indexOf(path)
  if (leaf === -1) throw new PlanError('NOT_NEXMARK', `Cannot generate the column "${path}": Nexmark events have no such field`)
  const expected =
    path.endsWith('dateTime') || path.endsWith('expires')
      ? 'TIMESTAMP(3)'
      : ['INT', 'BIGINT', 'STRING', 'ROW'][[PhysicalKind.INT32, PhysicalKind.INT64, PhysicalKind.BYTES, PhysicalKind.STRUCT].indexOf(kindOf(leaf) as 3)]
  const fits =
    expected === 'TIMESTAMP(3)'
      ? (type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ') && type.precision === 3
      : expected === 'STRING'
        ? type.kind === 'VARCHAR' && type.length === LENGTH_MAX
        : type.kind === expected
  if (!fits) throw new PlanError('NOT_NEXMARK', `Cannot generate the column "${path}" as ${formatType(type)}: it is ${expected}`)
  if (type.kind === 'ROW' && !type.nullable)
    throw new PlanError(
      'NOT_NEXMARK',
      `Cannot generate the column "${path}" as NOT NULL: an event is one of a person, an auction and a bid, the others are NULL`,
    )
  return leaf
}
