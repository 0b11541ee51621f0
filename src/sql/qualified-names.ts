// Columns that are named with the whole path of their table, `catalog.database.t.a`: shortened to `t.a`.

import type { Catalog, TablePath } from './catalog.ts'
import type { SyntaxNode } from './syntax-walk.ts'
import type { Name, Query, TableExpression } from './syntax-tree.ts'

/** The same query, in which tables that have no other name go by their last one. */
export function shortenNames(query: Query, catalog: Catalog, text: string): Query {
  const pathsOf = (from: TableExpression | undefined): readonly TablePath[] => {
    if (from?.kind === 'join') return [...pathsOf(from.left), ...pathsOf(from.right)]
    return from?.kind === 'table reference' && from.alias === undefined ? [catalog.fullPath(from.name, text)] : []
  }
  const shorten = (tree: unknown, paths: readonly TablePath[]): unknown => {
    if (typeof tree !== 'object' || tree === null) return tree
    if (Array.isArray(tree)) return tree.map((one) => shorten(one, paths))
    const node = tree as Partial<SyntaxNode>
    if (node.kind === 'reference') return { ...node, parts: shortened(node.parts!, paths, 1) }
    if (node.kind === 'star') return { ...node, of: shortened(node.of!, paths, 0) }
    const known = node.kind === 'select' ? [...pathsOf(node.from), ...paths] : paths
    return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, shorten(value, known)]))
  }
  return shorten(query, []) as Query
}

/** A name of a table's path, with so many parts behind it at least. */
function shortened(parts: readonly Name[], paths: readonly TablePath[], behind: number): readonly Name[] {
  for (const length of [3, 2]) {
    if (parts.length < length + behind) continue
    const isPath = paths.some((path) => path.slice(3 - length).every((part, index) => part === parts[index].text))
    if (isPath) return parts.slice(length - 1)
  }
  return parts
}
