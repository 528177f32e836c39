import { DataType, type MilvusClient } from '@zilliz/milvus2-sdk-node';
import { ok } from '../support/milvus/connect.ts';
import type { RawMilvus } from '../support/milvus/raw-milvus.ts';
import { waitUntil } from '../support/stack/wait-until.ts';

/** An empty collection of the bench's form, with an index that costs nothing to build, loaded. */
export async function createLoaded(client: MilvusClient, name: string, dim: number): Promise<void> {
  const at = { collection_name: name };
  const fields = [
    { name: 'id', data_type: DataType.Int64, is_primary_key: true },
    { name: 'vector', data_type: DataType.FloatVector, dim },
  ];
  await ok('create', client.createCollection({ ...at, fields }));
  await ok(
    'create index',
    client.createIndex({ ...at, field_name: 'vector', index_type: 'FLAT', metric_type: 'L2' }),
  );
  await ok('load', client.loadCollection(at));
  await waitUntil(() => isLoaded(client, name), { what: `${name} is loaded`, timeoutMs: 120_000 });
}

export async function isLoaded(client: MilvusClient, name: string): Promise<boolean> {
  const { state } = await ok('load state', client.getLoadState({ collection_name: name }));
  return String(state) === 'LoadStateLoaded';
}

/** Rows that a query sees now. Eventual consistency: a strong one waits for the server's clock to tick. */
export function visibleRows(raw: RawMilvus, collection: string): Promise<number> {
  return raw.count({ database: 'default', collection, consistency: 'eventual' });
}

/** Writes requests with some in flight, and answers when all are acknowledged. */
export async function sendAll(raw: RawMilvus, requests: Iterable<Buffer>, inFlight: number): Promise<void> {
  const queue = requests[Symbol.iterator]();
  const worker = async () => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      await raw.write('Insert', next.value);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}
