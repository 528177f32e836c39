import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  CollectionInfoSchema,
  DatabaseInfoSchema,
  PartitionInfoSchema,
  PartitionState,
} from '../../../../../replicator/wire/gen/etcd_meta_pb.ts';
import { FieldIndexSchema, IndexInfoSchema } from '../../../../../replicator/wire/gen/index_coord_pb.ts';
import {
  CollectionLoadInfoSchema,
  PartitionLoadInfoSchema,
} from '../../../../../replicator/wire/gen/query_coord_pb.ts';
import {
  CollectionSchemaSchema,
  DataType,
  FieldSchemaSchema,
  FunctionSchemaSchema,
} from '../../../../../replicator/wire/gen/schema_pb.ts';

/** Rows of Milvus's metadata as `[key, value]`, keys relative to the metadata's root. */
export type MetaRow = readonly [key: string, value: Uint8Array];

export const TOMBSTONE = Buffer.of(0xe2, 0x9b, 0xbc);

export function database(id: number, name: string): MetaRow {
  const info = create(DatabaseInfoSchema, { id: BigInt(id), name, state: 1 });
  return [`root-coord/database/db-info/${id}`, toBinary(DatabaseInfoSchema, info)];
}

export function collection(
  id: number,
  init: MessageInitShape<typeof CollectionInfoSchema> = {},
  key = `root-coord/database/collection-info/1/${id}`,
): MetaRow {
  const info = create(CollectionInfoSchema, {
    schema: create(CollectionSchemaSchema, { name: `c${id}` }),
    ...init,
  });
  info.id = BigInt(id);
  return [key, toBinary(CollectionInfoSchema, info)];
}

export function field(
  of: number,
  id: number,
  init: MessageInitShape<typeof FieldSchemaSchema> = {},
): MetaRow {
  const row = create(FieldSchemaSchema, {
    fieldId: BigInt(id),
    name: `f${id}`,
    dataType: DataType.INT64,
    ...init,
  });
  return [`root-coord/fields/${of}/${id}`, toBinary(FieldSchemaSchema, row)];
}

/** What every collection has: RowID, Timestamp and an int64 key `f100`. */
export function fields(of: number): readonly MetaRow[] {
  return [
    field(of, 0, { name: 'RowID' }),
    field(of, 1, { name: 'Timestamp' }),
    field(of, 100, { isPrimaryKey: true }),
  ];
}

export function functionRow(of: number, id: number): MetaRow {
  const row = create(FunctionSchemaSchema, { id: BigInt(id), name: `fn${id}`, type: 1 });
  return [`root-coord/functions/${of}/${id}`, toBinary(FunctionSchemaSchema, row)];
}

export function partition(
  of: number,
  id: number,
  state: PartitionState = PartitionState.PARTITION_CREATED,
): MetaRow {
  const info = create(PartitionInfoSchema, {
    partitionId: BigInt(id),
    partitionName: `p${id}`,
    collectionId: BigInt(of),
    state,
  });
  return [`root-coord/partitions/${of}/${id}`, toBinary(PartitionInfoSchema, info)];
}

export function index(of: number, id: number, init: MessageInitShape<typeof FieldIndexSchema> = {}): MetaRow {
  const indexInfo = create(IndexInfoSchema, {
    collectionId: BigInt(of),
    fieldId: 100n,
    indexId: BigInt(id),
    indexName: `i${id}`,
    indexParams: [{ key: 'index_type', value: 'FLAT' }],
  });
  const row = create(FieldIndexSchema, { indexInfo, ...init });
  return [`field-index/${of}/${id}`, toBinary(FieldIndexSchema, row)];
}

export function collectionLoad(
  of: number,
  init: MessageInitShape<typeof CollectionLoadInfoSchema> = {},
): MetaRow {
  const row = create(CollectionLoadInfoSchema, {
    collectionId: BigInt(of),
    replicaNumber: 1,
    status: 2,
    loadType: 2,
    ...init,
  });
  return [`querycoord-collection-loadinfo/${of}`, toBinary(CollectionLoadInfoSchema, row)];
}

export function partitionLoad(of: number, id: number): MetaRow {
  const row = create(PartitionLoadInfoSchema, {
    collectionId: BigInt(of),
    partitionId: BigInt(id),
    status: 2,
  });
  return [`querycoord-partition-loadinfo/${of}/${id}`, toBinary(PartitionLoadInfoSchema, row)];
}
