import { DataType, type MilvusClient, type RowData } from '@zilliz/milvus2-sdk-node';
import type { Place } from '../compare/side.ts';
import { ok } from '../milvus/connect.ts';
import { waitUntil } from '../stack/wait-until.ts';
import { type Counts, countDefinition } from './counts.ts';
import type { Random } from './random.ts';
import { dynamicValues, type Field, randomValue } from './values.ts';

export interface TableSpec extends Place {
  /** The first is the primary key, the second, called `bucket`, says what a row can be deleted by. */
  readonly fields: readonly Field[];
  readonly vectorIndex: Readonly<Record<string, unknown>>;
  readonly dynamic?: boolean | undefined;
  readonly shards?: number | undefined;
  /** Only with a partition key. */
  readonly partitionKeyPartitions?: number | undefined;
  readonly properties?: Readonly<Record<string, string>> | undefined;
}

export interface TableContext {
  readonly client: MilvusClient;
  readonly random: Random;
  readonly counts: Counts;
}

export type Key = string;

/** Where a row is and what it is deleted by. */
export interface RowMark {
  readonly partition: string;
  readonly bucket: number;
}

export const DEFAULT_PARTITION = '_default';
/** Rows have a bucket from 0 to this, both included. */
export const MAX_BUCKET = 9;

/** A collection of the source, and what must be in it.
 *  **Invariant:** no two rows share a key: each insert takes a key that was never used, or whose delete is acknowledged. */
export class Table {
  readonly spec: TableSpec;
  readonly rows = new Map<Key, RowMark>();
  readonly #context: TableContext;
  #lastKey = 0;

  constructor(spec: TableSpec, context: TableContext) {
    this.spec = spec;
    this.#context = context;
  }

  get at() {
    return { db_name: this.spec.database, collection_name: this.spec.name };
  }

  get #key(): Field {
    return this.spec.fields[0] as Field;
  }

  async create(): Promise<void> {
    const { client, counts } = this.#context;
    const { fields, dynamic = false, shards = 1, partitionKeyPartitions, properties } = this.spec;
    await ok(
      'create collection',
      client.createCollection({
        ...this.at,
        fields: [...fields],
        shards_num: shards,
        enable_dynamic_field: dynamic,
        ...(partitionKeyPartitions === undefined ? {} : { num_partitions: partitionKeyPartitions }),
        ...(properties === undefined ? {} : { properties }),
      }),
    );
    countDefinition(counts, 'createCollection');
    await this.createIndex(this.spec.vectorIndex);
    await this.load();
  }

  async drop(): Promise<void> {
    await ok('drop collection', this.#context.client.dropCollection(this.at));
    countDefinition(this.#context.counts, 'dropCollection');
    this.rows.clear();
  }

  async createIndex(index: Readonly<Record<string, unknown>>): Promise<void> {
    await ok('create index', this.#context.client.createIndex({ ...this.at, ...index } as never));
    countDefinition(this.#context.counts, 'createIndex');
  }

  async dropIndex(field: string, index: string): Promise<void> {
    const { client, counts } = this.#context;
    await ok('drop index', client.dropIndex({ ...this.at, field_name: field, index_name: index }));
    countDefinition(counts, 'dropIndex');
  }

  async load(): Promise<void> {
    const { client, counts } = this.#context;
    await ok('load', client.loadCollection(this.at));
    const loaded = async () => {
      const { state } = await ok('load state', client.getLoadState(this.at));
      return String(state) === 'LoadStateLoaded';
    };
    await waitUntil(loaded, { what: `${this.spec.name} is loaded`, timeoutMs: 120_000 });
    countDefinition(counts, 'loadCollection');
  }

  async release(): Promise<void> {
    await ok('release', this.#context.client.releaseCollection(this.at));
    countDefinition(this.#context.counts, 'releaseCollection');
  }

  async createPartition(partition: string): Promise<void> {
    const { client, counts } = this.#context;
    await ok('create partition', client.createPartition({ ...this.at, partition_name: partition }));
    countDefinition(counts, 'createPartition');
  }

  /** Milvus drops only what is released. */
  async dropPartition(partition: string): Promise<void> {
    const { client, counts } = this.#context;
    await ok('release partition', client.releasePartitions({ ...this.at, partition_names: [partition] }));
    await ok('drop partition', client.dropPartition({ ...this.at, partition_name: partition }));
    countDefinition(counts, 'dropPartition');
    for (const [key, row] of this.rows) if (row.partition === partition) this.rows.delete(key);
  }

  /** Rows under new keys; answers how many. */
  async insertNew(count: number, partition = DEFAULT_PARTITION): Promise<number> {
    const keys = Array.from({ length: count }, () => this.#newKey());
    return this.insert(keys, partition);
  }

  async insert(keys: readonly Key[], partition = DEFAULT_PARTITION): Promise<number> {
    return this.#write('insert', keys, partition);
  }

  /** New and existing keys; those that exist have to be in that partition. */
  async upsert(keys: readonly Key[], partition = DEFAULT_PARTITION): Promise<number> {
    return this.#write('upsert', keys, partition);
  }

  async deleteKeys(keys: readonly Key[]): Promise<number> {
    if (keys.length === 0) return 0;
    const literals = keys.map((key) =>
      this.#key.data_type === DataType.VarChar ? JSON.stringify(key) : key,
    );
    await this.#delete(`${this.#key.name} in [${literals.join(', ')}]`);
    for (const key of keys) this.rows.delete(key);
    this.#context.counts.deleted += keys.length;
    return keys.length;
  }

  /** By an expression that is not about keys; answers how many rows it hit. */
  async deleteBucket(bucket: number): Promise<number> {
    const hit = [...this.rows].filter(([, row]) => row.bucket === bucket).map(([key]) => key);
    await this.#delete(`bucket == ${bucket}`);
    for (const key of hit) this.rows.delete(key);
    this.#context.counts.deleted += hit.length;
    return hit.length;
  }

  async #delete(filter: string): Promise<void> {
    const { client, counts } = this.#context;
    await ok('delete', client.delete({ ...this.at, filter, consistency_level: 'Strong' }));
    counts.requests += 1;
  }

  async #write(kind: 'insert' | 'upsert', keys: readonly Key[], partition: string): Promise<number> {
    if (keys.length === 0) return 0;
    const { client, counts } = this.#context;
    const data = keys.map((key) => this.#row(key));
    const named = this.spec.partitionKeyPartitions === undefined ? { partition_name: partition } : {};
    const answer = await ok(kind, client[kind]({ ...this.at, ...named, data }));
    const ids =
      this.#key.autoID === true && 'int_id' in answer.IDs ? answer.IDs.int_id.data.map(String) : keys;
    for (const [index, key] of ids.entries()) {
      this.rows.set(key, { partition, bucket: Number(data[index]?.['bucket']) });
    }
    counts.requests += 1;
    counts[kind === 'insert' ? 'inserted' : 'upserted'] += ids.length;
    return ids.length;
  }

  #row(key: Key): RowData {
    const { random } = this.#context;
    const [, , ...others] = this.spec.fields;
    return {
      ...(this.#key.autoID === true ? {} : { [this.#key.name]: key }),
      bucket: random.int(0, MAX_BUCKET),
      ...Object.fromEntries(others.map((field) => [field.name, this.#value(field, key)])),
      ...(this.spec.dynamic === true ? dynamicValues(random) : {}),
    };
  }

  /** The partition key follows from the primary key: with another one, an upsert would leave the old row behind. */
  #value(field: Field, key: Key): RowData[string] {
    if (field.is_partition_key === true) return `tenant-${Number(key) % 13}`;
    return randomValue(field, this.#context.random);
  }

  #newKey(): Key {
    this.#lastKey += 1;
    return String(this.#lastKey);
  }
}
