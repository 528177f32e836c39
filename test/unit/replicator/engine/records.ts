import type {
  DeleteRecord,
  DropCollectionRecord,
  DropPartitionRecord,
  InsertRecord,
  Key,
  Rows,
  TickRecord,
  UnknownRecord,
} from '../../../../replicator/engine/change.ts';
import type { Committed, Hold } from '../../../../replicator/engine/progress.ts';

/** Records of one collection with one partition, for tests of the engine; numbers stand for offsets and timestamps. */
export const COLLECTION = 7n;
export const PARTITION = 70n;

interface Place {
  readonly offset: number;
  readonly at: number;
}

interface Written extends Place {
  readonly keys?: readonly Key[];
  readonly messageId?: bigint;
  readonly partitionId?: bigint;
}

/** Rows that are nothing but their keys, ten bytes each. */
export function rowsOf(keys: readonly Key[]): Rows {
  return { count: keys.length, bytes: keys.length * 10, columns: [], keys: () => keys };
}

export function tick(offset: number, at: number): TickRecord {
  return { kind: 'tick', offset: BigInt(offset), timestamp: BigInt(at) };
}

export function insert({
  offset,
  at,
  keys = [1n],
  ofUpsert = false,
  ...ids
}: Written & { readonly ofUpsert?: boolean }): InsertRecord {
  return { kind: 'insert', ...place({ offset, at }), ...written(ids), rows: rowsOf(keys), ofUpsert };
}

export function remove({ offset, at, keys = [1n], ...ids }: Written): DeleteRecord {
  return { kind: 'delete', ...place({ offset, at }), ...written(ids), keys, bytes: keys.length * 2 };
}

export function dropCollection(where: Place): DropCollectionRecord {
  return { kind: 'drop-collection', ...place(where) };
}

export function dropPartition(where: Place): DropPartitionRecord {
  return { kind: 'drop-partition', ...place(where), partitionId: PARTITION };
}

export function unknown(offset: number, at: number): UnknownRecord {
  return { kind: 'unknown', offset: BigInt(offset), timestamp: BigInt(at), messageType: 999 };
}

function place({ offset, at }: Place) {
  return { offset: BigInt(offset), timestamp: BigInt(at), collectionId: COLLECTION };
}

function written({ messageId = 0n, partitionId = PARTITION }: Pick<Written, 'messageId' | 'partitionId'>) {
  return { messageId, partitionId };
}

export function committed(tickAt: number, appliedBelow = tickAt): Committed {
  return {
    position: { offset: BigInt(appliedBelow), tick: BigInt(tickAt) },
    appliedBelow: BigInt(appliedBelow),
  };
}

/** A hold that counts how often it was released; unlike a real one it does not forgive a second release. */
export class CountedHold implements Hold {
  released = 0;

  release(): void {
    this.released++;
  }

  again(): Hold {
    throw new Error('nobody asks for another hold');
  }
}
