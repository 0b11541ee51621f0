// A sink that commits in two phases on a virtual disk: what was written since the last barrier is a piece, a file that is hidden until a checkpoint covers
// it.
import { compileRowReader } from '../../../src/operator/row-code.ts'
import type { CommittingSinkWriter, Sink } from '../../../src/operator/sink.ts'
import type { VirtualDisk } from './virtual-disk.ts'

/** What the writers of a sink share. */
export interface SinkPlace {
  readonly disk: VirtualDisk
  /** Different for each writer. */
  nextWriter(): number
  /** Whether the sink takes nothing now. */
  isOut(): boolean
  onCommitted(piece: string): void
  /** A mistake to be found: commits with the barrier, not with the checkpoint. */
  readonly isHasty: boolean
}

export interface VirtualFileSinkOptions {
  /** Whether some checkpoints commit nothing, and the rows stay state until a later one. They may go to another writer then, so no key keeps its order. */
  readonly keepsRows: boolean
}

/** A sink into the folder `name`, which is there. */
export function virtualFileSink(name: string, place: SinkPlace, { keepsRows }: VirtualFileSinkOptions): Sink {
  return {
    name,
    needsEventLoop: false,
    parallelismMax: Infinity,
    describe: () => 'a virtual disk',
    createWriter(schema, { subtaskIndex }): CommittingSinkWriter {
      const { disk } = place
      const reader = compileRowReader(schema)
      const writer = `${subtaskIndex}.${place.nextWriter()}`
      let pieces = 0
      let rows: string[] = []
      let hasFinished = false
      const commit = (committable: Uint8Array): void => {
        const piece = Buffer.from(committable).toString()
        const path = `${name}/${piece}`
        if (!disk.has(path)) disk.rename(`${name}/.${piece}`, path)
        // Also if it has its name already: whoever gave it may not have come to this.
        disk.syncFolder(name)
        place.onCommitted(path)
      }
      return {
        hasCapacity: () => !place.isOut(),
        write(batch) {
          reader.bind(batch)
          for (; batch.begin < batch.end; batch.begin++) {
            reader.seek(batch.physicalRow(batch.begin))
            rows.push(JSON.stringify(reader.record()))
          }
          reader.release()
          return true
        },
        flush: () => true,
        finish: () => (hasFinished = true),
        prepareCommit() {
          const isLeft = keepsRows && pieces % 3 === 1 && !hasFinished
          const piece = `${writer}.${pieces++}`
          if (isLeft || rows.length === 0) return []
          disk.create(`${name}/.${piece}`, true)
          disk.append(`${name}/.${piece}`, Buffer.from(rows.join('\n')))
          disk.sync(`${name}/.${piece}`)
          disk.syncFolder(name)
          rows = []
          if (place.isHasty) commit(Buffer.from(piece))
          return [Buffer.from(piece)]
        },
        commit,
        snapshot: (state) => rows.forEach((row) => state.element('rows', Buffer.from(row))),
        restore: (from) => from.elements('rows', (bytes) => rows.push(Buffer.from(bytes).toString())),
        close() {},
      }
    },
  }
}

/** The records of a sink, in the order in which they were committed. */
export function committedRows(disk: VirtualDisk, name: string): readonly string[] {
  return disk
    .list(name)
    .filter((piece) => !piece.startsWith('.'))
    .flatMap((piece) =>
      Buffer.from(disk.read(`${name}/${piece}`))
        .toString()
        .split('\n'),
    )
}
