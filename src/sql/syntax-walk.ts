// What stands in a syntax tree, however deep.

import type { Expression, Query, QualifiedName, TableExpression } from './syntax-tree.ts'

/** A node with a kind. */
export type SyntaxNode = Expression | Query | TableExpression

/** All nodes of a tree, outer ones first. */
export function* nodesOf(tree: unknown): Generator<SyntaxNode> {
  if (typeof tree !== 'object' || tree === null) return
  if (Array.isArray(tree)) {
    for (const one of tree) yield* nodesOf(one)
    return
  }
  if ('kind' in tree && typeof tree.kind === 'string') yield tree as SyntaxNode
  for (const part of Object.values(tree)) yield* nodesOf(part)
}

/** Names of columns in an expression, in front of fields. */
export function columnNamesOf(expression: Expression): ReadonlySet<string> {
  const names = new Set<string>()
  for (const node of nodesOf(expression)) if (node.kind === 'reference') names.add(node.parts[0].text)
  return names
}

/** The same query, with other names for the tables that no WITH has named. */
export function renameTables(query: Query, rename: (name: QualifiedName) => QualifiedName): Query {
  return replaceTables(query, new Set(), rename) as Query
}

function replaceTables(tree: unknown, named: ReadonlySet<string>, rename: (name: QualifiedName) => QualifiedName): unknown {
  if (typeof tree !== 'object' || tree === null) return tree
  if (Array.isArray(tree)) return tree.map((one) => replaceTables(one, named, rename))
  const node = tree as Partial<SyntaxNode>
  const renamed = (name: QualifiedName): QualifiedName => (name.parts.length === 1 && named.has(name.parts[0].text) ? name : rename(name))
  let known = named
  if (node.kind === 'with') {
    // Each query knows those in front of it.
    const tables = node.tables!.map((table) => {
      const own = { ...table, query: replaceTables(table.query, known, rename) as Query }
      known = new Set([...known, table.name.text])
      return own
    })
    return { ...node, tables, body: replaceTables(node.body, known, rename) }
  }
  if (node.kind === 'table reference')
    // Its own name stays the one that columns are named with.
    return { ...node, name: renamed(node.name!), asOf: replaceTables(node.asOf, named, rename) }
  if (node.kind === 'table query') return { ...node, table: renamed(node.table!) }
  if (node.kind === 'table' && 'parts' in node.table!)
    return {
      ...node,
      table: renamed(node.table),
      partitionBy: replaceTables(node.partitionBy, named, rename),
      orderBy: replaceTables(node.orderBy, named, rename),
    }
  return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, replaceTables(value, named, rename)]))
}

/** Tables that a query names, beside those of WITH. */
export function tablesOf(query: Query): readonly QualifiedName[] {
  const found: QualifiedName[] = []
  renameTables(query, (name) => {
    found.push(name)
    return name
  })
  return found
}
