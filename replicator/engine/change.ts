/** The engine's vocabulary: what a channel of the source's log carries, decoded only as far as ordering and
 *  routing need. Ids and timestamps are 64-bit and therefore `bigint`; a timestamp is Milvus's hybrid one
 *  (Unix milliseconds << 18 | logical counter) and compares as an unsigned number. */

export type Timestamp = bigint;

/** A primary key: int64 as `bigint`, VarChar as `string`. */
export type Key = bigint | string;

/** One column of some rows: an encoded `schema.FieldData` message, never decoded on the way. */
export interface Column {
  readonly fieldId: number;
  readonly name: string;
  readonly data: Uint8Array;
}

/** Rows of one log insert, still encoded. `bytes` is what they weigh in memory and, nearly, in a request. */
export interface Rows {
  readonly count: number;
  readonly bytes: number;
  readonly columns: readonly Column[];
  /** The primary keys in row order; decodes that one column. Fails when the field is not among the columns. */
  keys(fieldId: number): readonly Key[];
}

interface RecordBase {
  /** Place in the channel (Kafka: the offset in partition 0). */
  readonly offset: bigint;
  readonly timestamp: Timestamp;
}

/** "Nothing with a timestamp at or below `timestamp` follows in this channel." */
export interface TickRecord extends RecordBase {
  readonly kind: 'tick';
}

export interface InsertRecord extends RecordBase {
  readonly kind: 'insert';
  /** Unique per produced message; a producer's retry stores the same one twice. 0 when unknown. */
  readonly messageId: bigint;
  readonly collectionId: bigint;
  readonly partitionId: bigint;
  readonly rows: Rows;
  /** True when the record says that it is the first half of an upsert: its delete follows in the same channel. */
  readonly ofUpsert: boolean;
}

export interface DeleteRecord extends RecordBase {
  readonly kind: 'delete';
  readonly messageId: bigint;
  readonly collectionId: bigint;
  /** -1 when the delete is not limited to one partition. */
  readonly partitionId: bigint;
  readonly keys: readonly Key[];
  readonly bytes: number;
}

/** Only a hint: a repeated create broadcasts an id that never comes to exist. */
export interface CreateCollectionRecord extends RecordBase {
  readonly kind: 'create-collection';
  readonly collectionId: bigint;
}

export interface DropCollectionRecord extends RecordBase {
  readonly kind: 'drop-collection';
  readonly collectionId: bigint;
}

export interface DropPartitionRecord extends RecordBase {
  readonly kind: 'drop-partition';
  readonly collectionId: bigint;
  readonly partitionId: bigint;
}

/** A message type this release does not know. It stops the task: nothing is skipped silently. */
export interface UnknownRecord extends RecordBase {
  readonly kind: 'unknown';
  readonly messageType: number;
}

export type ChangeRecord =
  | InsertRecord
  | DeleteRecord
  | CreateCollectionRecord
  | DropCollectionRecord
  | DropPartitionRecord;

/** One record of a channel, in the order the channel holds it. */
export type ChannelRecord = TickRecord | ChangeRecord | UnknownRecord;

/** Where a channel may be resumed: read from `offset` (inclusive) and drop what is at or below `tick`. */
export interface Position {
  readonly offset: bigint;
  readonly tick: Timestamp;
}

export const ALL_PARTITIONS = -1n;
