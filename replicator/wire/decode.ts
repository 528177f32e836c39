import type { Key, Rows, Timestamp } from '../engine/change.ts';
import { MalformedRecordError } from './errors.ts';
import { MsgType } from './gen/common_pb.ts';
import { appendInt64s, readKeys } from './keys.ts';
import { EncodedRows } from './rows.ts';
import { LENGTH, Scanner, VARINT } from './scan.ts';
import { readTimestamps } from './timestamps.ts';

interface WireBase {
  /** Of an insert or delete its rows' time, of anything else its base's. */
  readonly timestamp: Timestamp;
  /** Written by a replicator into a standby cluster, not by a user. */
  readonly replicated: boolean;
}

export interface WireTick extends WireBase {
  readonly kind: 'tick';
}

export interface WireInsert extends WireBase {
  readonly kind: 'insert';
  readonly messageId: bigint;
  readonly collectionId: bigint;
  readonly partitionId: bigint;
  /** The vchannel. */
  readonly shardName: string;
  readonly rows: Rows;
  /** Its rows have several times; `timestamp` is the smallest. Never seen, but the format allows it. */
  readonly mixedTimestamps: boolean;
  /** The rows of an upsert, whose delete follows: its base has no timestamp (measured on 2.3.5). */
  readonly ofUpsert: boolean;
}

export interface WireDelete extends WireBase {
  readonly kind: 'delete';
  readonly messageId: bigint;
  readonly collectionId: bigint;
  /** -1: not limited to one partition. */
  readonly partitionId: bigint;
  readonly partitionName: string;
  readonly shardName: string;
  readonly keys: readonly Key[];
  readonly bytes: number;
  readonly mixedTimestamps: boolean;
}

export interface WireCollectionDdl extends WireBase {
  readonly kind: 'create-collection' | 'drop-collection';
  readonly collectionId: bigint;
}

export interface WireDropPartition extends WireBase {
  readonly kind: 'drop-partition';
  readonly collectionId: bigint;
  readonly partitionId: bigint;
  readonly partitionName: string;
}

export interface WireOther extends WireBase {
  readonly kind: 'other';
  readonly messageType: number;
}

export type WireRecord =
  | WireTick
  | WireInsert
  | WireDelete
  | WireCollectionDdl
  | WireDropPartition
  | WireOther;

interface Base {
  messageType: number;
  messageId: bigint;
  timestamp: Timestamp;
  replicated: boolean;
}

/** Decodes one record of a DML topic (milvus.proto.msg, Milvus 2.3 to 2.5 without streaming) as far as ordering
 *  and routing need. The columns of an insert are slices of `value`, which must not be changed afterwards.
 *  Fails with {@link MalformedRecordError}. */
export function decodeRecord(value: Uint8Array): WireRecord {
  let base: Base | undefined;
  try {
    base = readBase(value);
    return decodeBody(value, base);
  } catch (error) {
    if (!(error instanceof MalformedRecordError)) throw error;
    throw new MalformedRecordError(error.message, {
      bytes: value.length,
      messageType: base?.messageType,
      collectionId: error.collectionId,
      cause: error,
    });
  }
}

function decodeBody(value: Uint8Array, base: Base): WireRecord {
  const { timestamp, replicated, messageType } = base;
  switch (messageType) {
    case MsgType.TIME_TICK:
      return { kind: 'tick', timestamp, replicated };
    case MsgType.INSERT:
      return decodeInsert(value, base);
    case MsgType.DELETE:
      return decodeDelete(value, base);
    case MsgType.CREATE_COLLECTION:
      return { kind: 'create-collection', timestamp, replicated, collectionId: readInt64(value, 6) };
    case MsgType.DROP_COLLECTION:
      return { kind: 'drop-collection', timestamp, replicated, collectionId: readInt64(value, 5) };
    case MsgType.DROP_PARTITION:
      return {
        kind: 'drop-partition',
        timestamp,
        replicated,
        collectionId: readInt64(value, 6),
        partitionId: readInt64(value, 7),
        partitionName: readString(value, 4),
      };
    default:
      return { kind: 'other', timestamp, replicated, messageType };
  }
}

/** Field 1 of every record. */
function readBase(value: Uint8Array): Base {
  const base: Base = { messageType: 0, messageId: 0n, timestamp: 0n, replicated: false };
  const scan = new Scanner(value);
  while (scan.next()) {
    if (scan.field !== 1) {
      scan.skip();
      continue;
    }
    const inner = scan.message();
    while (inner.next()) {
      if (inner.field === 1) base.messageType = inner.number();
      else if (inner.field === 2) base.messageId = inner.int64();
      else if (inner.field === 3) base.timestamp = inner.uint64();
      else if (inner.field === 7) base.replicated = readInt64(inner.bytes(), 1) !== 0n;
      else inner.skip();
    }
    return base;
  }
  throw new MalformedRecordError('the record has no message base');
}

function decodeInsert(value: Uint8Array, base: Base): WireInsert {
  let shardName = '';
  let collectionId = 0n;
  let partitionId = 0n;
  let rowCount = 0;
  let version = 0;
  const times = readTimestamps(base.timestamp);
  const columns: Uint8Array[] = [];
  const scan = new Scanner(value);
  while (scan.next()) {
    if (scan.field === 2) shardName = scan.string();
    else if (scan.field === 7) collectionId = scan.int64();
    else if (scan.field === 8) partitionId = scan.int64();
    else if (scan.field === 10) times.read(scan);
    else if (scan.field === 13) columns.push(scan.bytes());
    else if (scan.field === 14) rowCount = scan.number();
    else if (scan.field === 15) version = scan.number();
    else scan.skip();
  }
  const evidence = { collectionId };
  if (version !== 1) throw new MalformedRecordError('an insert is stored by rows, not by columns', evidence);
  if (columns.length === 0) throw new MalformedRecordError('an insert has no columns', evidence);
  return {
    kind: 'insert',
    ...times.result(rowCount, evidence),
    replicated: base.replicated,
    messageId: base.messageId,
    collectionId,
    partitionId,
    shardName,
    rows: new EncodedRows({ count: rowCount, bytes: value.length, columns }),
    ofUpsert: base.timestamp === 0n,
  };
}

function decodeDelete(value: Uint8Array, base: Base): WireDelete {
  let shardName = '';
  let partitionName = '';
  let collectionId = 0n;
  let partitionId = 0n;
  let keys: Key[] = [];
  const legacyKeys: Key[] = [];
  const times = readTimestamps(base.timestamp);
  const scan = new Scanner(value);
  while (scan.next()) {
    if (scan.field === 2) shardName = scan.string();
    else if (scan.field === 5) partitionName = scan.string();
    else if (scan.field === 7) collectionId = scan.int64();
    else if (scan.field === 8) partitionId = scan.int64();
    else if (scan.field === 9) appendInt64s(scan, legacyKeys);
    else if (scan.field === 10) times.read(scan);
    else if (scan.field === 12) keys = readKeys(scan.message(), { int64: 1, string: 2 });
    else scan.skip();
  }
  if (keys.length === 0) keys = legacyKeys;
  return {
    kind: 'delete',
    ...times.result(keys.length, { collectionId }),
    replicated: base.replicated,
    messageId: base.messageId,
    collectionId,
    partitionId,
    partitionName,
    shardName,
    keys,
    bytes: value.length,
  };
}

function readInt64(value: Uint8Array, field: number): bigint {
  let found = 0n;
  const scan = new Scanner(value);
  while (scan.next()) {
    if (scan.field === field && scan.wireType === VARINT) found = scan.int64();
    else scan.skip();
  }
  return found;
}

function readString(value: Uint8Array, field: number): string {
  let found = '';
  const scan = new Scanner(value);
  while (scan.next()) {
    if (scan.field === field && scan.wireType === LENGTH) found = scan.string();
    else scan.skip();
  }
  return found;
}
