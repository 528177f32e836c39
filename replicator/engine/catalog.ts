import type { CollectionSchema } from '../wire/gen/schema_pb.ts';
import type { Timestamp } from './change.ts';

/** The source's objects at one revision of its metadata. Objects are known by id; a name may be shared by an
 *  object that is being dropped and its successor. */
export interface Catalog {
  /** Grows with every change of the metadata. */
  readonly revision: bigint;
  readonly databases: ReadonlyMap<bigint, CatalogDatabase>;
  readonly collections: ReadonlyMap<bigint, CatalogCollection>;
}

/** Name of the database that every Milvus has. */
export const DEFAULT_DATABASE = 'default';

export interface CatalogDatabase {
  readonly id: bigint;
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
}

/** `creating` objects have no complete schema yet; act on `created` ones only. */
export type ObjectState = 'creating' | 'created' | 'dropping';

export interface CatalogCollection {
  readonly id: bigint;
  readonly databaseId: bigint;
  readonly database: string;
  readonly name: string;
  readonly state: ObjectState;
  /** As a user would create it: without system fields and without `$meta`, `enableDynamicField` set instead.
   *  Field ids are the source's. Empty fields while `creating`. */
  readonly schema: CollectionSchema;
  /** In shard order. */
  readonly shards: readonly Shard[];
  readonly createdAt: Timestamp;
  /** common.ConsistencyLevel */
  readonly consistencyLevel: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly partitions: ReadonlyMap<bigint, CatalogPartition>;
  readonly indexes: readonly CatalogIndex[];
  readonly load: LoadState;
}

export interface Shard {
  /** `<channel>_<collection id>v<shard index>` */
  readonly vchannel: string;
  readonly channel: string;
  /** Offset of this collection's CreateCollection record in the channel. */
  readonly startOffset: bigint;
}

export interface CatalogPartition {
  readonly id: bigint;
  readonly name: string;
  readonly state: ObjectState;
}

/** An index that exists (dropped ones are left out). */
export interface CatalogIndex {
  readonly name: string;
  readonly fieldName: string;
  /** What the user asked for: index_type, metric_type, params … as key and value. */
  readonly params: Readonly<Record<string, string>>;
}

export type LoadState =
  | { readonly kind: 'released' }
  | { readonly kind: 'collection'; readonly replicas: number }
  | { readonly kind: 'partitions'; readonly partitionIds: readonly bigint[]; readonly replicas: number };
