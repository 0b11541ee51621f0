// ALTER TABLE: another definition from that of a table.

import type { CatalogTable, DefinedColumn, TableDefinition } from './catalog.ts'
import { SqlError, type Span } from './sql-error.ts'
import { columnNamesOf } from './syntax-walk.ts'
import type { AlterTable, ColumnPlace, Name, QualifiedName } from './syntax-tree.ts'
import { columnOf, findColumn, keyOf, makeTable, originOf, watermarkOf, withKey } from './table-definition.ts'

type Action = AlterTable['action']
type Elements = Extract<Action, { readonly kind: 'add' | 'modify' }>

/**
 * The table that another one becomes. Everything but a new name of the table.
 *
 * @throws {SqlError} as {@link makeTable}; `COLUMN_IN_USE`, `UNKNOWN_CONSTRAINT`, `INVALID_OPTION`.
 */
export function alterTable(table: CatalogTable, action: Exclude<Action, { readonly kind: 'rename' }>, span: Span, text: string): CatalogTable {
  const definition = new Alteration(table.definition, span, text).apply(action)
  try {
    return makeTable(table.path, table.isTemporary, definition)
  } catch (error) {
    // What was defined before and does not go with the change stands in another statement.
    if (!(error instanceof SqlError) || isOwn(error, definition, span, text)) throw error
    throw new SqlError(error.code, text, span, `Table "${table.path[2]}" would be wrong then: ${error.message.split('\n')[0]}`, error.hint)
  }
}

/** Whether an error stands in the statement itself. */
function isOwn({ position }: SqlError, _definition: TableDefinition, { start, end }: Span, text: string): boolean {
  const lines = text.split('\n')
  const at = lines.slice(0, position.line - 1).reduce((sum, line) => sum + line.length + 1, 0) + position.column - 1
  return at >= start && at < end
}

/** One change of a definition. */
class Alteration {
  readonly #definition: TableDefinition
  readonly #span: Span
  readonly #text: string

  constructor(definition: TableDefinition, span: Span, text: string) {
    this.#definition = definition
    this.#span = span
    this.#text = text
  }

  apply(action: Exclude<Action, { readonly kind: 'rename' }>): TableDefinition {
    const definition = this.#definition
    switch (action.kind) {
      case 'add':
        return this.#add(action)
      case 'modify':
        return this.#modify(action)
      case 'rename column':
        return this.#renameColumn(action.column, action.to)
      case 'drop columns':
        return this.#dropColumns(action.columns.map((name) => this.#plain(name)))
      case 'drop primary key':
        if (definition.primaryKey === undefined) throw this.#error('UNKNOWN_CONSTRAINT', this.#span, 'The table has no primary key')
        return { ...definition, primaryKey: undefined }
      case 'drop constraint': {
        const name = definition.primaryKey?.name
        if (name !== action.name.text)
          throw this.#error(
            'UNKNOWN_CONSTRAINT',
            action.name,
            `There is no constraint "${action.name.text}"`,
            name === undefined ? 'The table has no primary key.' : `The primary key is called ${name}.`,
          )
        return { ...definition, primaryKey: undefined }
      }
      case 'drop watermark':
        if (definition.watermark === undefined) throw this.#error('UNKNOWN_CONSTRAINT', this.#span, 'The table has no watermark')
        return { ...definition, watermark: undefined }
      case 'set': {
        const said = action.options.map(({ key, value }): [string, string] => [key, value])
        return { ...definition, options: new Map([...definition.options, ...said]) }
      }
      case 'reset': {
        if (action.keys.length === 0) throw this.#error('INVALID_OPTION', this.#span, 'RESET names no option')
        if (action.keys.includes('connector'))
          throw this.#error('INVALID_OPTION', this.#span, 'A table always has a connector', "SET ('connector' = '…') gives it another one.")
        return { ...definition, options: new Map([...definition.options].filter(([key]) => !action.keys.includes(key))) }
      }
    }
  }

  #add(elements: Elements): TableDefinition {
    const { columns, primaryKey: before, watermark: watermarkBefore } = this.#definition
    const changed = [...columns]
    this.#checkTwice(elements.columns)
    for (const { column, place } of elements.columns) {
      if (changed.some(({ name }) => name === column.name.text))
        throw this.#error('DUPLICATE_COLUMN', column.name, `There is a column "${column.name.text}" already`, 'MODIFY changes it.')
      changed.splice(this.#indexOf(place, changed) ?? changed.length, 0, columnOf(column, this.#text))
    }
    const { primaryKey, watermark } = this.#constraints(elements)
    if (primaryKey !== undefined && before !== undefined)
      throw this.#error('INVALID_KEY', primaryKey.origin, 'The table has a primary key already', 'MODIFY changes it.')
    if (watermark !== undefined && watermarkBefore !== undefined)
      throw this.#error('INVALID_WATERMARK', watermark.origin, 'The table has a watermark already', 'MODIFY changes it.')
    return this.#with(changed, primaryKey ?? before, watermark ?? watermarkBefore)
  }

  #modify(elements: Elements): TableDefinition {
    const { columns, primaryKey: before, watermark: watermarkBefore } = this.#definition
    const changed = [...columns]
    this.#checkTwice(elements.columns)
    for (const { column, place } of elements.columns) {
      const old = findColumn(column.name.text, originOf(column.name, this.#text), changed)
      const own = columnOf(column, this.#text)
      const index = changed.indexOf(old)
      // What is not said of it stays.
      const made = { ...own, comment: own.comment ?? old.comment }
      changed[index] = made
      const to = this.#indexOf(place, changed)
      // Behind itself it stays where it is.
      if (to === undefined || to === index + 1) continue
      changed.splice(index, 1)
      changed.splice(to > index ? to - 1 : to, 0, made)
    }
    const { primaryKey, watermark } = this.#constraints(elements)
    if (primaryKey !== undefined && before === undefined)
      throw this.#error('INVALID_KEY', primaryKey.origin, 'The table has no primary key to modify', 'ADD makes one.')
    if (watermark !== undefined && watermarkBefore === undefined)
      throw this.#error('INVALID_WATERMARK', watermark.origin, 'The table has no watermark to modify', 'ADD makes one.')
    return this.#with(changed, primaryKey ?? before, watermark ?? watermarkBefore)
  }

  #checkTwice(columns: readonly ColumnPlace[]): void {
    const seen = new Set<string>()
    for (const { column } of columns) {
      if (seen.has(column.name.text)) throw this.#error('DUPLICATE_COLUMN', column.name, `"${column.name.text}" is there twice`)
      seen.add(column.name.text)
    }
  }

  #constraints({ columns, primaryKeys, watermarks }: Elements): Pick<TableDefinition, 'primaryKey' | 'watermark'> {
    const [watermark, second] = watermarks
    if (second !== undefined) throw this.#error('INVALID_WATERMARK', second, 'A table has one watermark')
    const primaryKey = keyOf(
      columns.map(({ column }) => column),
      primaryKeys,
      this.#text,
    )
    return { primaryKey, watermark: watermark && watermarkOf(watermark, this.#text) }
  }

  #with(columns: readonly DefinedColumn[], primaryKey: TableDefinition['primaryKey'], watermark: TableDefinition['watermark']): TableDefinition {
    return { ...this.#definition, columns: primaryKey === undefined ? columns : withKey(columns, primaryKey), primaryKey, watermark }
  }

  /** Where FIRST and AFTER put a column; undefined: they were not said. */
  #indexOf(place: ColumnPlace['place'], columns: readonly DefinedColumn[]): number | undefined {
    if (place === undefined || place === 'FIRST') return place && 0
    return columns.indexOf(findColumn(place.after.text, originOf(place.after, this.#text), columns)) + 1
  }

  #renameColumn(qualified: QualifiedName, to: Name): TableDefinition {
    const { columns, primaryKey } = this.#definition
    const name = this.#plain(qualified)
    const column = findColumn(name.text, originOf(name, this.#text), columns)
    if (columns.some((one) => one.name === to.text)) throw this.#error('DUPLICATE_COLUMN', to, `There is a column "${to.text}" already`)
    this.#checkUse(name, columns)
    return {
      ...this.#definition,
      columns: columns.map((one) => (one === column ? { ...one, name: to.text } : one)),
      primaryKey: primaryKey && {
        ...primaryKey,
        columns: primaryKey.columns.map((key) => (key.name === name.text ? { ...key, name: to.text } : key)),
      },
    }
  }

  #dropColumns(names: readonly Name[]): TableDefinition {
    const { columns, primaryKey } = this.#definition
    const seen = new Set<string>()
    for (const name of names) {
      findColumn(name.text, originOf(name, this.#text), columns)
      if (seen.has(name.text)) throw this.#error('DUPLICATE_COLUMN', name, `"${name.text}" is named twice`)
      seen.add(name.text)
    }
    const left = columns.filter((column) => !seen.has(column.name))
    for (const name of names) {
      this.#checkUse(name, left)
      if (primaryKey?.columns.some((key) => key.name === name.text) === true)
        throw this.#error('COLUMN_IN_USE', name, `"${name.text}" is part of the primary key`, 'DROP PRIMARY KEY first.')
    }
    return { ...this.#definition, columns: left }
  }

  /** Refuses a change of what computed columns, the watermark and partitions name. */
  #checkUse(name: Name, columns: readonly DefinedColumn[]): void {
    const { watermark, partitionedBy } = this.#definition
    const user = columns.find((column) => column.kind === 'computed' && columnNamesOf(column.expression).has(name.text))
    if (user !== undefined) throw this.#error('COLUMN_IN_USE', name, `Column "${user.name}" is computed from "${name.text}"`)
    if (watermark !== undefined && (watermark.column === name.text || columnNamesOf(watermark.expression).has(name.text)))
      throw this.#error('COLUMN_IN_USE', name, `The watermark is made from "${name.text}"`, 'DROP WATERMARK first.')
    if (partitionedBy.some((key) => key.name === name.text)) throw this.#error('COLUMN_IN_USE', name, `The table is partitioned by "${name.text}"`)
  }

  #plain({ parts, ...span }: QualifiedName): Name {
    if (parts.length > 1) throw this.#error('NOT_SUPPORTED', span, 'Fields of a row cannot be altered', 'MODIFY the column with its whole type.')
    return parts[0]
  }

  #error(code: string, span: Span, message: string, hint?: string): SqlError {
    return new SqlError(code, this.#text, span, message, hint)
  }
}
