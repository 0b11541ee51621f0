// A sink in the graph of a job: its writers, and behind them what commits for them, if it has that.

import type { Schema } from '../batch/types.ts'
import { SinkOperator } from '../operator/basic/sink-operator.ts'
import { COMMITTABLE_SCHEMA, type Sink } from '../operator/sink.ts'
import type { Edge, LogicalGraph, Transformation } from './transformation.ts'

/** @param edges What is written. */
export function addSink(
  graph: LogicalGraph,
  sink: Sink,
  edges: readonly Edge[],
  schema: Schema,
): { readonly writer: Transformation; readonly committer: Transformation | undefined } {
  shareFolder(graph, sink)
  const { committer } = sink
  const writer = graph.add(sink.name, { kind: 'sink', sink }, edges, committer === undefined ? schema : COMMITTABLE_SCHEMA, sink.parallelismMax)
  if (committer === undefined) return { writer, committer: undefined }
  const edge: Edge = { from: writer, side: undefined, partitioner: { kind: 'global' }, input: 0, schema: COMMITTABLE_SCHEMA }
  return {
    writer,
    committer: graph.add(
      committer.name,
      {
        kind: 'operator',
        watermarks: { kind: 'none' },
        needsEventLoop: committer.needsEventLoop,
        commits: true,
        create: () => new SinkOperator(committer, COMMITTABLE_SCHEMA),
      },
      [edge],
      COMMITTABLE_SCHEMA,
      1,
    ),
  }
}

/** Sinks that write into one folder are told so: their files get names of their own. */
function shareFolder({ transformations }: LogicalGraph, sink: Sink): void {
  if (sink.folder === undefined) return
  for (const { body } of transformations)
    if (body.kind === 'sink' && body.sink !== sink && body.sink.folder === sink.folder) body.sink.isShared = sink.isShared = true
}
