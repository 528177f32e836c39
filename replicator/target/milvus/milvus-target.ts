import { fromBinary } from '@bufbuild/protobuf';
import type { Logger } from '#shared/log.ts';
import { encodeDelete } from '../../wire/delete.ts';
import { StatusSchema } from '../../wire/gen/common_pb.ts';
import { encodeInsert } from '../../wire/insert.ts';
import { Scanner } from '../../wire/scan.ts';
import type {
  Answer,
  CollectionDefinition,
  CollectionName,
  Target,
  TargetCollection,
  TargetDatabase,
  TargetIndex,
  TargetLoadState,
  WriteRequest,
} from '../target.ts';
import { MilvusApi, orThere, unless } from './api.ts';
import { classify, type WriteOutcome } from './classify.ts';
import { GRPC_STATUS, grpcCode, MILVUS_CODE, type MilvusStatus } from './codes.ts';
import { countRows, createCollection, describeCollection, names, toPairs, toRecord } from './collections.ts';
import { CallError, type Connection, type ConnectionOptions } from './connection.ts';
import * as databases from './databases.ts';
import { METHODS } from './methods.ts';
import * as partitions from './partitions.ts';
import { WritePool } from './write-pool.ts';

export interface MilvusTargetOptions extends ConnectionOptions {
  readonly logger: Logger;
  /** How long to wait for a connection before a write counts as not sent. @default 5000 */
  readonly connectTimeoutMs?: number | undefined;
  /** How long a call that is not a write may take. @default 30000 */
  readonly callTimeoutMs?: number | undefined;
  /** Size up to which rows are best grouped into one request. @default 8 MiB */
  readonly maxRequestBytes?: number | undefined;
}

/** What Milvus takes by default; `proxy.grpc.serverMaxRecvSize`. */
const SERVER_LIMIT_BYTES = 64 * 1024 * 1024;
const METHOD = { insert: 'Insert', upsert: 'Upsert', delete: 'Delete' } as const;

/** The target behind its public gRPC API. Everything is sent as raw protobuf rather than through an SDK: columns go through
 *  undecoded, schemas and index parameters arrive as they are, and no retry hides beneath.
 *  **A write is sent at most once**; when its end is not known, its connection is reset before the answer is given. */
export class MilvusTarget implements Target {
  readonly maxRequestBytes: number;
  readonly #logger: Logger;
  readonly #api: MilvusApi;
  readonly #writes: WritePool;
  readonly #connectTimeoutMs: number;

  constructor(options: MilvusTargetOptions) {
    const { endpoint, tls, refused, callTimeoutMs = 30_000 } = options;
    this.maxRequestBytes = options.maxRequestBytes ?? 8 * 1024 * 1024;
    this.#logger = options.logger;
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 5_000;
    this.#api = new MilvusApi({ endpoint, tls, refused, callTimeoutMs });
    this.#writes = new WritePool({ endpoint, tls, refused });
  }

  /** `deadlineMs` counts from now. Fails only for rows that cannot be encoded (ColumnMismatchError,
   *  MalformedRecordError). */
  async write(request: WriteRequest, deadlineMs: number): Promise<Answer> {
    const ends = performance.now() + deadlineMs;
    const bytes = request.kind === 'delete' ? encodeDelete(request) : encodeInsert(request);
    if (bytes.length > SERVER_LIMIT_BYTES) {
      const message = `${bytes.length} bytes are more than a request may have`;
      return classify(notSent(message, { retryable: false, code: MILVUS_CODE.parameterTooLarge }));
    }
    const connection = this.#writes.acquire();
    if (connection === undefined) return classify(notSent('the target is closed'));
    const outcome = await this.#send({ connection, method: METHOD[request.kind], bytes, ends });
    const answer = classify(outcome);
    // A connection that never came up is useless as well.
    if (answer.kind === 'ambiguous' || outcome.kind === 'not-sent') this.#writes.discard(connection);
    else this.#writes.release(connection);
    if (answer.kind === 'ambiguous') {
      const { database, collection, kind } = request;
      this.#logger.warn(
        { database, collection, kind, reason: answer.message },
        'a write ended without a definite answer',
      );
    }
    return answer;
  }

  async version(): Promise<string> {
    return (await this.#api.call(METHODS.getVersion, {})).version;
  }

  listDatabases(): Promise<readonly TargetDatabase[]> {
    return databases.listDatabases(this.#api);
  }

  createDatabase(name: string): Promise<void> {
    return databases.createDatabase(this.#api, name);
  }

  dropDatabase(name: string): Promise<boolean> {
    return databases.dropDatabase(this.#api, name);
  }

  describeCollection(name: CollectionName): Promise<TargetCollection | undefined> {
    return describeCollection(this.#api, name);
  }

  createCollection(definition: CollectionDefinition): Promise<bigint> {
    return createCollection(this.#api, definition);
  }

  async dropCollection(name: CollectionName): Promise<void> {
    const gone = [MILVUS_CODE.collectionNotFound, MILVUS_CODE.databaseNotFound];
    await unless(gone, this.#api.call(METHODS.dropCollection, names(name)));
  }

  listPartitions(name: CollectionName): Promise<readonly string[]> {
    return partitions.listPartitions(this.#api, name);
  }

  createPartition(name: CollectionName, partition: string): Promise<void> {
    const call = this.#api.call(METHODS.createPartition, { ...names(name), partitionName: partition });
    return orThere(call, async () => (await this.listPartitions(name)).includes(partition));
  }

  dropPartition(name: CollectionName, partition: string): Promise<void> {
    return partitions.dropPartition(this.#api, name, partition);
  }

  async listIndexes(name: CollectionName): Promise<readonly TargetIndex[]> {
    const found = await unless(
      [MILVUS_CODE.indexNotFound],
      this.#api.call(METHODS.describeIndex, names(name)),
    );
    return (found?.indexDescriptions ?? []).map(({ indexName, fieldName, params }) => ({
      name: indexName,
      fieldName,
      params: toRecord(params),
    }));
  }

  async createIndex(name: CollectionName, index: TargetIndex): Promise<void> {
    await this.#api.call(METHODS.createIndex, {
      ...names(name),
      fieldName: index.fieldName,
      indexName: index.name,
      extraParams: toPairs(index.params),
    });
  }

  async dropIndex(name: CollectionName, index: string): Promise<void> {
    const gone = [MILVUS_CODE.indexNotFound, MILVUS_CODE.collectionNotFound, MILVUS_CODE.databaseNotFound];
    await unless(gone, this.#api.call(METHODS.dropIndex, { ...names(name), indexName: index }));
  }

  loadState(name: CollectionName): Promise<TargetLoadState> {
    return partitions.loadState(this.#api, name);
  }

  async load(name: CollectionName, replicas: number): Promise<void> {
    await this.#api.call(METHODS.loadCollection, { ...names(name), replicaNumber: replicas });
  }

  async loadPartitions(name: CollectionName, wanted: readonly string[], replicas: number): Promise<void> {
    const request = { ...names(name), partitionNames: [...wanted], replicaNumber: replicas };
    await this.#api.call(METHODS.loadPartitions, request);
  }

  release(name: CollectionName): Promise<void> {
    return partitions.releaseCollection(this.#api, name);
  }

  releasePartitions(name: CollectionName, wanted: readonly string[]): Promise<void> {
    return partitions.releasePartitions(this.#api, name, wanted);
  }

  countRows(name: CollectionName): Promise<bigint | undefined> {
    return countRows(this.#api, name);
  }

  /** Writes under way end as ambiguous; later ones are rejected. */
  async close(): Promise<void> {
    this.#writes.close();
    this.#api.close();
  }

  async #send({ connection, method, bytes, ends }: Sending): Promise<WriteOutcome> {
    const patience = Math.min(this.#connectTimeoutMs, ends - performance.now());
    if (patience <= 0 || !(await connection.ready(patience))) return notSent('no connection to the target');
    const left = ends - performance.now();
    if (left <= 0) return notSent('the time was up before the request was sent');
    try {
      return { kind: 'answered', status: mutationStatus(await connection.call(method, bytes, left)) };
    } catch (error) {
      if (error instanceof CallError)
        return { kind: 'transport', status: error.status, message: error.message };
      return { kind: 'transport', status: GRPC_STATUS.unavailable, message: 'the answer cannot be read' };
    }
  }
}

interface Sending {
  readonly connection: Connection;
  readonly method: string;
  readonly bytes: Buffer;
  /** On the monotonic clock. */
  readonly ends: number;
}

function notSent(
  message: string,
  { retryable = true, code = grpcCode(GRPC_STATUS.unavailable) } = {},
): WriteOutcome {
  return { kind: 'not-sent', retryable, code, message };
}

/** Field 1 of a MutationResult; the ids of all rows, which follow, are of no use here. */
function mutationStatus(answer: Buffer): MilvusStatus | undefined {
  const scan = new Scanner(answer);
  while (scan.next()) {
    if (scan.field === 1) return fromBinary(StatusSchema, scan.bytes());
    scan.skip();
  }
  return undefined;
}
