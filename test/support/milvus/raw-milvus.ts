import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import {
  MutationResultSchema,
  QueryRequestSchema,
  QueryResultsSchema,
} from '../../../replicator/wire/gen/milvus_pb.ts';
import { type FieldData, FieldDataSchema } from '../../../replicator/wire/gen/schema_pb.ts';
import { MilvusError } from './connect.ts';

export interface RawQuery {
  readonly database: string;
  readonly collection: string;
  /** Empty for "all", which asks for a limit. */
  readonly expression: string;
  readonly outputFields: readonly string[];
  readonly limit?: number | undefined;
  /** Strong waits until everything written before is seen; eventual answers at once. @default strong */
  readonly consistency?: keyof typeof CONSISTENCY | undefined;
}

/** common.ConsistencyLevel */
const CONSISTENCY = { strong: 0, eventual: 3 } as const;

const DEADLINE_MS = 60_000;
const SERVICE = '/milvus.proto.milvus.MilvusService/';

/** Milvus's gRPC without the SDK: bytes as they are on the wire, for what must be exact (64-bit numbers, JSON text,
 *  floats) or fast. */
export class RawMilvus {
  readonly #client: Client;

  /** @param address `host:port`, without TLS or login */
  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.enable_retries': 0,
      // Clients of one address share a connection unless told otherwise.
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  /** One call. Fails with grpc-js's ServiceError when there is no answer within the deadline. */
  call(method: string, request: Uint8Array, deadlineMs = DEADLINE_MS): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        SERVICE + method,
        asBuffer,
        (bytes: Buffer) => bytes,
        request,
        new Metadata(),
        { deadline: Date.now() + deadlineMs },
        (error, answer) => (answer === undefined ? reject(error ?? new Error('no answer')) : resolve(answer)),
      );
    });
  }

  /** Answers the columns, which have as many values as there are rows. */
  async query(query: RawQuery): Promise<readonly FieldData[]> {
    const { database, collection, expression, outputFields, limit, consistency = 'strong' } = query;
    const request = create(QueryRequestSchema, {
      dbName: database,
      collectionName: collection,
      expr: expression,
      outputFields: [...outputFields],
      queryParams: limit === undefined ? [] : [{ key: 'limit', value: String(limit) }],
      consistencyLevel: CONSISTENCY[consistency],
    });
    const answer = await this.call('Query', toBinary(QueryRequestSchema, request));
    const { status, fieldsData } = fromBinary(QueryResultsSchema, answer);
    throwUnlessOk(`query ${collection}`, status);
    return fieldsData.map((bytes) => fromBinary(FieldDataSchema, bytes));
  }

  /** `count(*)`, which counts a row twice that is there twice; a query by key does not show it. */
  async count(query: Pick<RawQuery, 'database' | 'collection' | 'consistency'>): Promise<number> {
    const columns = await this.query({ ...query, expression: '', outputFields: ['count(*)'] });
    const field = columns[0]?.field;
    const data = field?.case === 'scalars' ? field.value.data : undefined;
    if (data?.case !== 'longData') throw new Error(`count(*) of ${query.collection} answered no number`);
    return Number(data.value.data[0]);
  }

  /** Sends an encoded `InsertRequest` or `UpsertRequest`; answers the rows it took. */
  async write(method: 'Insert' | 'Upsert', request: Uint8Array): Promise<number> {
    const result = fromBinary(MutationResultSchema, await this.call(method, request));
    throwUnlessOk(method, result.status);
    return Number(result.insertCnt);
  }

  close(): void {
    this.#client.close();
  }
}

function throwUnlessOk(
  what: string,
  status: { readonly code: number; readonly errorCode: number; readonly reason: string } | undefined,
): void {
  const code = status?.code === 0 ? status.errorCode : (status?.code ?? 0);
  if (code !== 0) throw new MilvusError(code, `${what}: ${status?.reason ?? ''} (code ${code})`);
}

/** The same bytes; grpc-js takes nothing but Node's own class. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
