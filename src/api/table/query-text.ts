// Writes what a program says of a table as a text, and with it the nodes of a syntax tree that stand in it: errors of the binder then show the step that is
// wrong, with a caret. The text is for people; nobody reads it back.

import { inspect } from 'node:util'
import { callNode } from '../../sql/call-node.ts'
import type { RefuseValue } from '../../sql/value-literals.ts'
import { literalOf, typedLiteral } from '../../sql/value-literals.ts'
import type { LogicalType } from '../../batch/types.ts'
import { formatType } from '../../batch/types.ts'
import { SqlError, type Span } from '../../sql/sql-error.ts'
import type { Call, Expression, Name, Reference, TypeName } from '../../sql/syntax-tree.ts'

const SHOWN_MAX = 40

/** Grows at its end, so that nodes keep their places. */
export class QueryText {
  text: string

  constructor(text: string = '') {
    this.text = text
  }

  add(text: string): void {
    this.text += text
  }

  /** What `write` makes, which gets the place of what it has written. */
  node<Node>(write: () => (span: Span) => Node): Node {
    const start = this.text.length
    const made = write()
    return made({ start, end: this.text.length })
  }

  name(text: string): Name {
    const start = this.text.length
    this.add(text)
    return { text, start, end: this.text.length }
  }

  /** Items with something between them. */
  list<Item, Node>(items: readonly Item[], write: (item: Item, index: number) => Node, separator = ', '): Node[] {
    return items.map((item, index) => {
      if (index > 0) this.add(separator)
      return write(item, index)
    })
  }

  /** @param table What the column is named with, where that has to be said. */
  column(name: string, table: string | undefined): Reference {
    return this.node(() => {
      const parts = table === undefined ? [] : [this.name(table)]
      if (table !== undefined) this.add('.')
      parts.push(this.name(name))
      return ({ start, end }): Reference => ({ kind: 'reference', parts, start, end })
    })
  }

  call(syntax: Call['syntax'], name: string, operands: readonly ((text: QueryText) => Expression)[]): Call {
    return this.node(() => {
      const own = this.name(name)
      if (syntax !== 'variable' || operands.length > 0) this.add('(')
      const written = this.list(operands, (operand) => operand(this))
      if (syntax !== 'variable' || operands.length > 0) this.add(')')
      return ({ start, end }) => ({ ...callNode(syntax, [own], written), start, end })
    })
  }

  /** A value as a literal. @throws {SqlError} `WRONG_VALUE` */
  value(value: unknown, type: LogicalType | undefined): Expression {
    const start = this.text.length
    this.add(shown(value))
    const span = { start, end: this.text.length }
    const refuse: RefuseValue = (reason, hint) => {
      throw new SqlError('WRONG_VALUE', this.text, span, `Cannot use this value: ${reason}`, hint)
    }
    return type === undefined ? literalOf(value, span, refuse) : typedLiteral(value, type, span, refuse)
  }

  type(type: LogicalType): TypeName {
    const start = this.text.length
    this.add(formatType({ ...type, nullable: true }))
    return { kind: 'type', type: { ...type, nullable: true }, saysNullable: false, start, end: this.text.length }
  }
}

/** A value in one line, for errors. */
function shown(value: unknown): string {
  const line = inspect(value, { depth: 1, breakLength: Infinity }).replaceAll(/\s/g, ' ')
  return line.length > SHOWN_MAX ? `${line.slice(0, SHOWN_MAX)}…` : line
}

/** The same tree, standing so many characters further on. */
export function moved<Tree>(tree: Tree, by: number): Tree {
  const move = (node: unknown): unknown => {
    if (typeof node !== 'object' || node === null) return node
    if (Array.isArray(node)) return node.map(move)
    const entries = Object.entries(node).map(([name, value]) => [
      name,
      (name === 'start' || name === 'end') && typeof value === 'number' ? value + by : move(value),
    ])
    return Object.fromEntries(entries)
  }
  return by === 0 ? tree : (move(tree) as Tree)
}
