import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import {
  type CollectionInfo,
  CollectionInfoSchema,
  type DatabaseInfo,
  DatabaseInfoSchema,
  type PartitionInfo,
  PartitionInfoSchema,
} from '../../wire/gen/etcd_meta_pb.ts';
import { type FieldIndex, FieldIndexSchema } from '../../wire/gen/index_coord_pb.ts';
import {
  type CollectionLoadInfo,
  CollectionLoadInfoSchema,
  type PartitionLoadInfo,
  PartitionLoadInfoSchema,
} from '../../wire/gen/query_coord_pb.ts';
import {
  type FieldSchema,
  FieldSchemaSchema,
  type FunctionSchema,
  FunctionSchemaSchema,
} from '../../wire/gen/schema_pb.ts';
import { SourceUnsupportedError } from '../change-source.ts';
import type { CatalogKey } from './catalog-keys.ts';

interface Infos {
  database: DatabaseInfo;
  collection: CollectionInfo;
  partition: PartitionInfo;
  field: FieldSchema;
  function: FunctionSchema;
  index: FieldIndex;
  'collection-load': CollectionLoadInfo;
  'partition-load': PartitionLoadInfo;
}

type WithInfo<Key> = Key extends CatalogKey ? Key & { readonly info: Infos[Key['kind']] } : never;

/** A row of the source's metadata: its key, and what it says. */
export type CatalogRow = WithInfo<CatalogKey>;

const TOMBSTONE = Buffer.of(0xe2, 0x9b, 0xbc);

/** Milvus deletes a root coordinator row by writing these three bytes over it (`suffix_snapshot.go`). */
export function isTombstone(value: Uint8Array): boolean {
  return value.length === TOMBSTONE.length && TOMBSTONE.equals(value);
}

/** Decodes the value under a key. Fails with {@link SourceUnsupportedError} when it is not what Milvus writes there. */
export function decodeRow(key: CatalogKey, value: Uint8Array): CatalogRow {
  switch (key.kind) {
    case 'database':
      return { ...key, info: decode(key, DatabaseInfoSchema, value) };
    case 'collection':
      return { ...key, info: decode(key, CollectionInfoSchema, value) };
    case 'partition':
      return { ...key, info: decode(key, PartitionInfoSchema, value) };
    case 'field':
      return { ...key, info: decode(key, FieldSchemaSchema, value) };
    case 'function':
      return { ...key, info: decode(key, FunctionSchemaSchema, value) };
    case 'index':
      return { ...key, info: decode(key, FieldIndexSchema, value) };
    case 'collection-load':
      return { ...key, info: decode(key, CollectionLoadInfoSchema, value) };
    case 'partition-load':
      return { ...key, info: decode(key, PartitionLoadInfoSchema, value) };
  }
}

function decode<Desc extends DescMessage>(
  key: CatalogKey,
  schema: Desc,
  value: Uint8Array,
): MessageShape<Desc> {
  try {
    return fromBinary(schema, value);
  } catch (cause) {
    const ids = 'collectionId' in key ? `collection ${key.collectionId}` : `id ${key.id}`;
    throw new SourceUnsupportedError(`etcd holds a ${key.kind} row (${ids}) that is not ${schema.typeName}`, {
      cause,
    });
  }
}
