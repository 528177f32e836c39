import type { ChannelRecord } from '../../engine/change.ts';
import { decodeRecord, type WireRecord } from '../../wire/decode.ts';
import { MalformedRecordError } from '../../wire/errors.ts';
import { MsgType } from '../../wire/gen/common_pb.ts';
import { SourceUnsupportedError } from '../change-source.ts';
import type { LogRecord } from './record-batch.ts';

/** Message types that may stand in a DML topic and carry nothing that is not found elsewhere. All others:
 *
 *  | type | becomes |
 *  |---|---|
 *  | TimeTick 1200, Insert 400, Delete 401, CreateCollection 100, DropCollection 101, DropPartition 201 | a record of that kind |
 *  | CreatePartition 200 (seen only with streaming) | nothing: the catalog tells of partitions |
 *  | Import 408 (late 2.5) | unknown: its rows are in files, which this release does not copy |
 *  | Replicate 1212 (migration of single collections) | unknown: it changes what ticks mean |
 *  | any other | unknown |
 *
 *  `unknown` stops the task. Whether a record was itself replicated into the source does not matter here. */
const HARMLESS: ReadonlySet<number> = new Set([MsgType.CREATE_PARTITION]);

const TYPE_OF: Readonly<Record<Exclude<WireRecord['kind'], 'other'>, number>> = {
  tick: MsgType.TIME_TICK,
  insert: MsgType.INSERT,
  delete: MsgType.DELETE,
  'create-collection': MsgType.CREATE_COLLECTION,
  'drop-collection': MsgType.DROP_COLLECTION,
  'drop-partition': MsgType.DROP_PARTITION,
};

/** Decodes a record of a DML topic; `undefined` when it carries nothing.
 *  Fails with {@link SourceUnsupportedError} when it is not what Milvus 2.3–2.5 writes there. */
export function toChannelRecord(channel: string, record: LogRecord): ChannelRecord | undefined {
  const { offset } = record;
  const wire = decode(channel, record);
  const { timestamp } = wire;
  switch (wire.kind) {
    case 'tick':
      return { kind: 'tick', offset, timestamp };
    case 'insert': {
      const { messageId, collectionId, partitionId, rows, ofUpsert } = wire;
      return { kind: 'insert', offset, timestamp, messageId, collectionId, partitionId, rows, ofUpsert };
    }
    case 'delete': {
      const { messageId, collectionId, partitionId, keys, bytes } = wire;
      return { kind: 'delete', offset, timestamp, messageId, collectionId, partitionId, keys, bytes };
    }
    case 'create-collection':
    case 'drop-collection':
      return { kind: wire.kind, offset, timestamp, collectionId: wire.collectionId };
    case 'drop-partition': {
      const { collectionId, partitionId } = wire;
      return { kind: 'drop-partition', offset, timestamp, collectionId, partitionId };
    }
    case 'other':
      if (HARMLESS.has(wire.messageType)) return undefined;
      return { kind: 'unknown', offset, timestamp, messageType: wire.messageType };
  }
}

/** A record of the replicate topic: requests of users (milvus.proto.milvus), which share type numbers with other messages
 *  of the DML topics, and are told by their type alone. The topic has no ticks. */
export function toReplicateRecord(channel: string, record: LogRecord): ChannelRecord {
  const wire = decode(channel, record);
  const messageType = wire.kind === 'other' ? wire.messageType : TYPE_OF[wire.kind];
  return { kind: 'unknown', offset: record.offset, timestamp: wire.timestamp, messageType };
}

function decode(channel: string, { offset, value }: LogRecord): WireRecord {
  try {
    return decodeRecord(value);
  } catch (cause) {
    if (!(cause instanceof MalformedRecordError)) throw cause;
    const type = cause.messageType === undefined ? '' : ` of type ${cause.messageType}`;
    throw new SourceUnsupportedError(
      `the record${type} at offset ${offset} of ${channel} cannot be read: ${cause.message}`,
      { cause },
    );
  }
}
