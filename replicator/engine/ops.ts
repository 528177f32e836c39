import type { Timestamp } from './change.ts';
import {
  ALL_PARTITIONS,
  type ChangeRecord,
  type DeleteRecord,
  type InsertRecord,
  type Key,
} from './change.ts';
import type { Op } from './lane.ts';
import type { Hold } from './progress.ts';

/** What is known of a partition of the source: its name on the target (undefined: the target chooses), or that it was
 *  dropped before anything of it reached the target, or nothing yet. */
export type PartitionRoute =
  | { readonly kind: 'known'; readonly name: string | undefined }
  | { readonly kind: 'gone' }
  | { readonly kind: 'unknown' };

/** How the changes of one collection are turned into operations on the target. */
export interface Routing {
  /** Field id of the primary key. */
  readonly keyFieldId: number;
  /** True when an upsert replaces a key in whatever partition it lies (partition-key collections). */
  readonly upsertSpansPartitions: boolean;
  partition(id: bigint): PartitionRoute;
  /** Inserts at or below this may be on the target already. */
  readonly replayUntil: Timestamp;
}

/** How many of the changes, from the first on, can be sent: an unresolved partition id never becomes "all partitions". */
export function routableCount(changes: readonly ChangeRecord[], routing: Routing): number {
  const at = changes.findIndex((change) => {
    if (change.kind !== 'insert' && change.kind !== 'delete') return false;
    if (change.kind === 'delete' && change.partitionId === ALL_PARTITIONS) return false;
    return routing.partition(change.partitionId).kind === 'unknown';
  });
  return at < 0 ? changes.length : at;
}

export interface Planned {
  readonly ops: readonly Op[];
  /** Rows and keys of partitions that were dropped before they reached the target. */
  readonly rowsOfDropped: number;
}

export interface PlanOptions {
  readonly holdOf: (bytes: number) => Hold;
  /** Inserts that were sent before, whatever their time. @default none */
  readonly repeated?: ReadonlySet<ChangeRecord> | undefined;
}

/** Turns the changes of one collection in one window, in the order of their effects, into operations.
 *
 *  A delete and an insert of the very same keys at one timestamp are an upsert of the source and become one on the target,
 *  so that a reader never misses the row in between. Pure. */
export function planOps(
  changes: readonly ChangeRecord[],
  routing: Routing,
  { holdOf, repeated }: PlanOptions,
): Planned {
  const ops: Op[] = [];
  let rowsOfDropped = 0;
  for (let i = 0; i < changes.length; ) {
    const timestamp = changes[i]?.timestamp;
    const deletes: DeleteRecord[] = [];
    const inserts: InsertRecord[] = [];
    for (; i < changes.length && changes[i]?.timestamp === timestamp; i++) {
      const change = changes[i];
      if (change?.kind !== 'insert' && change?.kind !== 'delete') continue;
      if (isGone(change, routing))
        rowsOfDropped += change.kind === 'insert' ? change.rows.count : change.keys.length;
      else if (change.kind === 'insert') inserts.push(change);
      else deletes.push(change);
    }
    const upsert = inserts.length > 0 && isUpsert(deletes, inserts, routing);
    if (!upsert) for (const change of deletes) ops.push(deleteOp(change, routing, holdOf));
    for (const change of inserts) {
      const there = change.timestamp <= routing.replayUntil || repeated?.has(change) === true;
      ops.push(rowsOp(change, routing, holdOf, upsert ? 'upsert' : there ? 'repeat' : 'insert'));
    }
  }
  return { ops, rowsOfDropped };
}

function isGone(change: InsertRecord | DeleteRecord, routing: Routing): boolean {
  return change.partitionId !== ALL_PARTITIONS && routing.partition(change.partitionId).kind === 'gone';
}

function isUpsert(
  deletes: readonly DeleteRecord[],
  inserts: readonly InsertRecord[],
  routing: Routing,
): boolean {
  if (deletes.length === 0) return false;
  const deleted = new Set<Key>();
  for (const change of deletes) for (const key of change.keys) deleted.add(key);
  const inserted = new Set<Key>();
  let rows = 0;
  for (const change of inserts) {
    rows += change.rows.count;
    for (const key of change.rows.keys(routing.keyFieldId)) inserted.add(key);
  }
  if (inserted.size !== rows || inserted.size !== deleted.size) return false;
  for (const key of inserted) if (!deleted.has(key)) return false;
  if (routing.upsertSpansPartitions) return true;
  const partition = inserts[0]?.partitionId;
  return [...deletes, ...inserts].every((change) => change.partitionId === partition);
}

function rowsOp(
  change: InsertRecord,
  routing: Routing,
  holdOf: (bytes: number) => Hold,
  as: 'insert' | 'upsert' | 'repeat',
): Op {
  const keys = change.rows.keys(routing.keyFieldId);
  return {
    kind: as === 'repeat' ? replayKind(keys) : as,
    timestamp: change.timestamp,
    partition: partitionName(change.partitionId, routing),
    rows: change.rows,
    keys,
    bytes: change.rows.bytes,
    hold: holdOf(change.rows.bytes),
  };
}

/** How rows are sent that the target may hold already: an insert never deduplicates. */
export function replayKind(keys: readonly Key[]): 'upsert' | 'replace' {
  return new Set(keys).size === keys.length ? 'upsert' : 'replace';
}

function deleteOp(change: DeleteRecord, routing: Routing, holdOf: (bytes: number) => Hold): Op {
  return {
    kind: 'delete',
    timestamp: change.timestamp,
    partition: partitionName(change.partitionId, routing),
    rows: undefined,
    keys: change.keys,
    bytes: change.bytes,
    hold: holdOf(change.bytes),
  };
}

function partitionName(id: bigint, routing: Routing): string | undefined {
  if (id === ALL_PARTITIONS) return undefined;
  const route = routing.partition(id);
  if (route.kind !== 'known')
    throw new Error(`partition ${id} is ${route.kind}; the caller has checked that it is known`);
  return route.name;
}
