import type { Key, Rows } from '../engine/change.ts';
import type { CollectionSchema } from '../wire/gen/schema_pb.ts';

/** A collection of the target by name. The name is all that its API takes; ids come back from `describe`. */
export interface CollectionName {
  readonly database: string;
  readonly collection: string;
}

/** A database of the target. */
export interface TargetDatabase {
  readonly name: string;
  /** When the target made it, in the target's own measure: what tells it from another one under the same name.
   *  Undefined where the target does not tell. */
  readonly createdAt: bigint | undefined;
}

export type WriteRequest = RowsRequest | DeleteRequest;

/** Rows of one partition, from one or many log inserts. An upsert holds each key once. */
export interface RowsRequest extends CollectionName {
  readonly kind: 'insert' | 'upsert';
  /** Undefined: the target chooses (partition-key collections refuse a name). */
  readonly partition?: string | undefined;
  readonly parts: readonly Rows[];
  /** Names of columns the target computes by itself and refuses to be given. */
  readonly omit?: ReadonlySet<string> | undefined;
}

export interface DeleteRequest extends CollectionName {
  readonly kind: 'delete';
  /** Undefined: all partitions. */
  readonly partition?: string | undefined;
  readonly keyField: string;
  readonly keys: readonly Key[];
}

/** What is known after a write. `ambiguous`: it may have been executed, or may still be; the adapter has closed
 *  the connection that carried it. `rejected`: it was certainly not executed; `retryable` says whether the
 *  same request may succeed later. */
export type Answer =
  | { readonly kind: 'applied' }
  | {
      readonly kind: 'rejected';
      readonly retryable: boolean;
      readonly code: number;
      readonly message: string;
    }
  /** `code` is set when the server answered, so that an answer that comes again and again can be told from silence. */
  | { readonly kind: 'ambiguous'; readonly code?: number | undefined; readonly message: string };

export interface TargetCollection {
  readonly id: bigint;
  readonly database: string;
  readonly name: string;
  /** User fields only, `$meta` left out, as in the source's catalog. */
  readonly schema: CollectionSchema;
  readonly shards: number;
  readonly consistencyLevel: number;
  readonly properties: Readonly<Record<string, string>>;
  /** Number of partitions of a partition-key collection; 0 otherwise. */
  readonly partitionKeyPartitions: number;
}

export interface CollectionDefinition extends CollectionName {
  readonly schema: CollectionSchema;
  readonly shards: number;
  readonly consistencyLevel: number;
  readonly properties: Readonly<Record<string, string>>;
  /** Only for a schema with a partition key. */
  readonly partitionKeyPartitions?: number | undefined;
}

export interface TargetIndex {
  readonly name: string;
  readonly fieldName: string;
  readonly params: Readonly<Record<string, string>>;
}

export type TargetLoadState =
  | { readonly kind: 'released' }
  | { readonly kind: 'loading' }
  | { readonly kind: 'collection' }
  | { readonly kind: 'partitions'; readonly names: readonly string[] };

/** Port: the target Milvus, written through its public API.
 *
 *  `write` never throws for what a server or a network does: it answers. Every other call is idempotent in effect
 *  (creating what is there, dropping what is gone, is success), ends within its deadline, and fails with
 *  {@link TargetUnavailableError} (try again), or {@link TargetRefusedError} (the request itself is at fault). */
export interface Target {
  write(request: WriteRequest, deadlineMs: number): Promise<Answer>;

  /** Size in bytes that `write` would send, nearly; requests of one database and collection may be grouped by it. */
  readonly maxRequestBytes: number;

  version(): Promise<string>;
  listDatabases(): Promise<readonly TargetDatabase[]>;
  createDatabase(name: string): Promise<void>;
  /** Drops by name; the caller has compared just before. Answers false, with nothing dropped, while it holds a
   *  collection. */
  dropDatabase(name: string): Promise<boolean>;

  describeCollection(name: CollectionName): Promise<TargetCollection | undefined>;
  /** Answers the id. A collection under that name is success, whatever its form: the caller compares. */
  createCollection(definition: CollectionDefinition): Promise<bigint>;
  /** Drops by name; the caller has compared the id just before. */
  dropCollection(name: CollectionName): Promise<void>;

  listPartitions(name: CollectionName): Promise<readonly string[]>;
  createPartition(name: CollectionName, partition: string): Promise<void>;
  /** Releases the partition first where the target asks for it. */
  dropPartition(name: CollectionName, partition: string): Promise<void>;

  listIndexes(name: CollectionName): Promise<readonly TargetIndex[]>;
  createIndex(name: CollectionName, index: TargetIndex): Promise<void>;
  dropIndex(name: CollectionName, index: string): Promise<void>;

  loadState(name: CollectionName): Promise<TargetLoadState>;
  /** Starts loading and returns; `loadState` tells when it is done. */
  load(name: CollectionName, replicas: number): Promise<void>;
  loadPartitions(name: CollectionName, partitions: readonly string[], replicas: number): Promise<void>;
  release(name: CollectionName): Promise<void>;
  releasePartitions(name: CollectionName, partitions: readonly string[]): Promise<void>;

  /** Rows as `count(*)` tells, strongly consistent; needs a loaded collection. Undefined where it cannot be told. */
  countRows(name: CollectionName): Promise<bigint | undefined>;

  close(): Promise<void>;
}

/** The target is away, overloaded or not ready; the same call may succeed later. */
export class TargetUnavailableError extends Error {
  override readonly name = 'TargetUnavailableError';
}

/** The target understood the call and will not do it; `code` is Milvus's. */
export class TargetRefusedError extends Error {
  override readonly name = 'TargetRefusedError';
  readonly code: number;

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
