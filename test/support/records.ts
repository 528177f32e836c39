import { create, toBinary } from '@bufbuild/protobuf';
import type { Key, Timestamp } from '../../replicator/engine/change.ts';
import { type MsgBase, MsgBaseSchema, MsgType } from '../../replicator/wire/gen/common_pb.ts';
import {
  CreateCollectionRequestSchema,
  DeleteRequestSchema,
  DropCollectionRequestSchema,
  DropPartitionRequestSchema,
  InsertRequestSchema,
  TimeTickMsgSchema,
} from '../../replicator/wire/gen/msg_pb.ts';
import { buildColumn, type FieldSpec, type Row } from './rows.ts';

/** Records of a DML topic as Milvus 2.3 writes them. */

interface Place {
  readonly timestamp: Timestamp;
  readonly collectionId: bigint;
  readonly partitionId?: bigint | undefined;
  readonly partitionName?: string | undefined;
  readonly messageId?: bigint | undefined;
  readonly shardName?: string | undefined;
  readonly replicated?: boolean | undefined;
}

export interface InsertInput extends Place {
  readonly fields: readonly FieldSpec[];
  readonly rows: readonly Row[];
  /** An upsert's insert has no base timestamp: 0. */
  readonly baseTimestamp?: Timestamp | undefined;
}

export interface DeleteInput extends Place {
  readonly keys: readonly Key[];
}

export function tickRecord(timestamp: Timestamp): Uint8Array {
  return toBinary(
    TimeTickMsgSchema,
    create(TimeTickMsgSchema, { base: base(MsgType.TIME_TICK, { timestamp }) }),
  );
}

export function insertRecord(input: InsertInput): Uint8Array {
  const message = create(InsertRequestSchema, {
    base: base(MsgType.INSERT, { ...input, timestamp: input.baseTimestamp ?? input.timestamp }),
    shardName: input.shardName ?? `dml_0_${input.collectionId}v0`,
    collectionId: input.collectionId,
    partitionId: input.partitionId ?? 1n,
    partitionName: input.partitionName ?? '_default',
    timestamps: input.rows.map(() => input.timestamp),
    rowIds: input.rows.map((_, at) => BigInt(at)),
    fieldsData: input.fields.map((field) => buildColumn(field, input.rows)),
    numRows: BigInt(input.rows.length),
    version: 1,
  });
  return toBinary(InsertRequestSchema, message);
}

export function deleteRecord(input: DeleteInput): Uint8Array {
  const { keys } = input;
  const texts = keys.filter((key) => typeof key === 'string');
  const numbers = keys.filter((key) => typeof key === 'bigint');
  const message = create(DeleteRequestSchema, {
    base: base(MsgType.DELETE, input),
    shardName: input.shardName ?? `dml_0_${input.collectionId}v0`,
    collectionId: input.collectionId,
    partitionId: input.partitionId ?? -1n,
    partitionName: input.partitionName ?? '',
    timestamps: keys.map(() => input.timestamp),
    numRows: BigInt(keys.length),
    primaryKeys: {
      idField:
        texts.length > 0
          ? { case: 'strId', value: { data: texts } }
          : { case: 'intId', value: { data: numbers } },
    },
  });
  return toBinary(DeleteRequestSchema, message);
}

export function createCollectionRecord(place: Place): Uint8Array {
  const message = { base: base(MsgType.CREATE_COLLECTION, place), collectionId: place.collectionId };
  return toBinary(CreateCollectionRequestSchema, create(CreateCollectionRequestSchema, message));
}

export function dropCollectionRecord(place: Place): Uint8Array {
  const message = { base: base(MsgType.DROP_COLLECTION, place), collectionId: place.collectionId };
  return toBinary(DropCollectionRequestSchema, create(DropCollectionRequestSchema, message));
}

export function dropPartitionRecord(place: Place): Uint8Array {
  const message = create(DropPartitionRequestSchema, {
    base: base(MsgType.DROP_PARTITION, place),
    collectionId: place.collectionId,
    partitionId: place.partitionId ?? 1n,
    partitionName: place.partitionName ?? '_default',
  });
  return toBinary(DropPartitionRequestSchema, message);
}

/** A record of any other kind: only its base. */
export function otherRecord(messageType: number, timestamp: Timestamp): Uint8Array {
  return toBinary(TimeTickMsgSchema, create(TimeTickMsgSchema, { base: base(messageType, { timestamp }) }));
}

function base(msgType: number, place: Partial<Place> & { readonly timestamp: Timestamp }): MsgBase {
  return create(MsgBaseSchema, {
    msgType,
    timestamp: place.timestamp,
    msgId: place.messageId ?? 0n,
    sourceId: 3n,
    ...(place.replicated === true ? { replicateInfo: { isReplicate: true } } : {}),
  });
}
