import { randomUUID } from 'node:crypto';
import { ConsistencyLevelEnum, DataType } from '@zilliz/milvus2-sdk-node';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import type { Catalog, CatalogCollection } from '../../../replicator/engine/catalog.ts';
import { kafkaSourceConfig } from '../../../replicator/source/kafka/config.ts';
import { KafkaChangeSource } from '../../../replicator/source/kafka/kafka-change-source.ts';
import { connectMilvus, ok } from '../../support/milvus/connect.ts';

/** What each operation of a user leaves in the catalog, on a real Milvus. */

const { source: addresses } = inject('stack');
const DB = 'default';
const milvus = await connectMilvus(addresses.milvusAddress);
/** Lives through all tests, so that it sees differences. */
const source = newSource();
const signal = AbortSignal.timeout(600_000);
const leftovers: { readonly db: string; readonly collection: string }[] = [];

function newSource(): KafkaChangeSource {
  return new KafkaChangeSource(
    kafkaSourceConfig.parse({
      etcd: { endpoints: [addresses.etcdEndpoint], rootPath: addresses.rootPath },
      kafka: { bootstrap: [addresses.kafkaAddress] },
      replicateChannel: addresses.replicateChannel,
    }),
  );
}

afterAll(async () => {
  for (const { db, collection } of leftovers) {
    await milvus.dropCollection({ db_name: db, collection_name: collection });
  }
  await Promise.all([source.close(), milvus.closeConnection()]);
});

/** The catalog as the long-lived source knows it, after making sure that one which lists everything anew knows the same
 *  of the collections of this test. */
async function catalog(...names: readonly string[]): Promise<Catalog> {
  const kept = await source.readCatalog(signal);
  const fresh = newSource();
  const listed = await fresh.readCatalog(signal);
  await fresh.close();
  const ours = (from: Catalog): readonly CatalogCollection[] =>
    [...from.collections.values()]
      .filter(({ name }) => names.includes(name))
      .sort((a, b) => Number(a.id - b.id));
  expect(ours(kept)).toEqual(ours(listed));
  return kept;
}

async function find(name: string, database = DB): Promise<CatalogCollection> {
  const found = await created(name, database);
  if (found === undefined) throw new Error(`${database}.${name} is not in the catalog`);
  return found;
}

async function created(name: string, database = DB): Promise<CatalogCollection | undefined> {
  const { collections } = await catalog(name);
  return [...collections.values()].find(
    (c) => c.name === name && c.database === database && c.state === 'created',
  );
}

const KEY = { name: 'id', data_type: DataType.Int64, is_primary_key: true };
const VECTOR = { name: 'vector', data_type: DataType.FloatVector, dim: 4 };
const PLAIN = [KEY, VECTOR];

async function create(name: string, options: Record<string, unknown> = {}, db = DB): Promise<void> {
  leftovers.push({ db, collection: name });
  const request = { db_name: db, collection_name: name, fields: PLAIN, ...options };
  await ok('create collection', milvus.createCollection(request));
}

let name: string;
beforeEach(() => {
  name = `ops_${randomUUID().replaceAll('-', '').slice(0, 12)}`;
});

describe('databases', () => {
  test('a database appears when it is created and vanishes when it is dropped', async () => {
    const db = `db_${name}`;
    await ok('create database', milvus.createDatabase({ db_name: db }));
    const [row] = [...(await catalog()).databases.values()].filter((d) => d.name === db);
    expect(row).toMatchObject({ name: db, properties: {} });

    await create(name, {}, db);
    expect(await find(name, db)).toMatchObject({ database: db, databaseId: row?.id });

    await ok('drop collection', milvus.dropCollection({ db_name: db, collection_name: name }));
    expect(await created(name, db)).toBeUndefined();
    await ok('drop database', milvus.dropDatabase({ db_name: db }));
    expect([...(await catalog(name)).databases.values()].map((d) => d.name)).not.toContain(db);
  });

  test('the default database is there, with id 1', async () => {
    expect((await catalog()).databases.get(1n)).toMatchObject({ id: 1n, name: 'default' });
  });

  test('collections of one name in two databases are two', async () => {
    const db = `db_${name}`;
    await ok('create database', milvus.createDatabase({ db_name: db }));
    await create(name);
    await create(name, {}, db);
    expect((await find(name)).id).not.toBe((await find(name, db)).id);
  });
});

describe('collections', () => {
  test('every kind of field shows as its user declared it', async () => {
    await create(name, {
      description: 'all of them',
      shards_num: 2,
      enable_dynamic_field: true,
      consistency_level: ConsistencyLevelEnum.Eventually,
      properties: { 'collection.ttl.seconds': '86400' },
      fields: [
        { name: 'key', data_type: DataType.VarChar, is_primary_key: true, max_length: 64, description: 'pk' },
        { name: 'tenant', data_type: DataType.Int64, is_partition_key: true },
        { name: 'bool', data_type: DataType.Bool },
        { name: 'int8', data_type: DataType.Int8 },
        { name: 'int16', data_type: DataType.Int16 },
        { name: 'int32', data_type: DataType.Int32 },
        { name: 'float', data_type: DataType.Float },
        { name: 'double', data_type: DataType.Double },
        { name: 'text', data_type: DataType.VarChar, max_length: 100 },
        { name: 'json', data_type: DataType.JSON },
        { name: 'list', data_type: DataType.Array, element_type: DataType.Int64, max_capacity: 5 },
        { name: 'vector', data_type: DataType.BinaryVector, dim: 16 },
      ],
    });
    const collection = await find(name);
    expect(collection).toMatchObject({
      name,
      database: 'default',
      databaseId: 1n,
      state: 'created',
      consistencyLevel: ConsistencyLevelEnum.Eventually,
      indexes: [],
      load: { kind: 'released' },
    });
    expect(collection.properties).toMatchObject({ 'collection.ttl.seconds': '86400' });
    const { schema } = collection;
    expect(schema).toMatchObject({ name, description: 'all of them', enableDynamicField: true });
    expect(schema.fields.map(({ fieldId }) => fieldId)).toEqual(
      schema.fields.map((_, at) => BigInt(100 + at)),
    );
    const params = (field: (typeof schema.fields)[number]): unknown =>
      Object.fromEntries(field.typeParams.map(({ key, value }) => [key, value]));
    expect(schema.fields.map((field) => [field.name, field.dataType, params(field)])).toEqual([
      ['key', 21, { max_length: '64' }],
      ['tenant', 5, {}],
      ['bool', 1, {}],
      ['int8', 2, {}],
      ['int16', 3, {}],
      ['int32', 4, {}],
      ['float', 10, {}],
      ['double', 11, {}],
      ['text', 21, { max_length: '100' }],
      ['json', 23, {}],
      ['list', 22, { max_capacity: '5' }],
      ['vector', 100, { dim: '16' }],
    ]);
    const field = (wanted: string) => schema.fields.find((candidate) => candidate.name === wanted);
    expect(field('key')).toMatchObject({ isPrimaryKey: true, autoId: false, description: 'pk' });
    expect(field('tenant')).toMatchObject({ isPartitionKey: true });
    expect(field('list')).toMatchObject({ elementType: 5 });

    const partitions = [...collection.partitions.values()].map((partition) => partition.name);
    expect(partitions.sort()).toContain('_default_0');
    expect(partitions.length).toBeGreaterThan(1);
  });

  test('its shards name their channels and where it begins in each', async () => {
    await create(name, { shards_num: 3 });
    const { id, shards, createdAt } = await find(name);
    expect(shards).toHaveLength(3);
    expect(new Set(shards.map(({ channel }) => channel)).size).toBe(3);
    for (const [index, { vchannel, channel, startOffset }] of shards.entries()) {
      expect(vchannel).toBe(`${channel}_${id}v${index}`);
      const record = await source.readOne(channel, startOffset, signal);
      expect(record).toMatchObject({ kind: 'create-collection', collectionId: id });
      expect(record?.timestamp).toBeLessThanOrEqual(createdAt);
    }
  });

  test('an automatic key shows, and no dynamic field where there is none', async () => {
    const fields = [{ ...KEY, autoID: true }, VECTOR];
    await create(name, { fields });
    const { schema } = await find(name);
    expect(schema.enableDynamicField).toBe(false);
    expect(schema.fields[0]).toMatchObject({ isPrimaryKey: true, autoId: true });
  });

  test('a create that is repeated changes nothing', async () => {
    await create(name);
    const before = await find(name);
    await milvus.createCollection({ collection_name: name, fields: PLAIN });
    const other = { collection_name: name, fields: [{ ...KEY, name: 'other' }, VECTOR] };
    await expect(milvus.createCollection(other)).rejects.toMatchObject({
      reason: expect.stringContaining('duplicate'),
    });
    expect(await find(name)).toEqual(before);
    const { collections } = await catalog(name);
    expect([...collections.values()].filter((c) => c.name === name)).toHaveLength(1);
  });

  test('dropped and made again under its name it has another id, and the old one is not created any more', async () => {
    await create(name);
    const { id } = await find(name);
    await ok('drop', milvus.dropCollection({ collection_name: name }));
    await create(name);
    const { collections } = await catalog(name);
    const all = [...collections.values()].filter((c) => c.name === name);
    expect(all.filter((c) => c.state === 'created')).toHaveLength(1);
    expect(all.find((c) => c.state === 'created')?.id).not.toBe(id);
    expect(collections.get(id)?.state ?? 'gone').toMatch(/dropping|gone/);
  });

  test('renamed it keeps its id', async () => {
    await create(name);
    const { id } = await find(name);
    const request = { collection_name: name, new_collection_name: `${name}_new` };
    leftovers.push({ db: DB, collection: `${name}_new` });
    await ok('rename', milvus.renameCollection(request));
    const { collections } = await catalog(name, `${name}_new`);
    expect(collections.get(id)).toMatchObject({ name: `${name}_new`, state: 'created' });
    expect(collections.get(id)?.schema.name).toBe(`${name}_new`);
  });

  test('an alteration shows in its properties one alteration late, as Milvus 2.3 writes it', async () => {
    await create(name, { properties: { 'collection.ttl.seconds': '100' } });
    const alter = async (seconds: number): Promise<void> => {
      const properties = { 'collection.ttl.seconds': seconds };
      await ok('alter', milvus.alterCollection({ collection_name: name, properties }));
    };
    await alter(200);
    const first = (await find(name)).properties['collection.ttl.seconds'];
    await alter(300);
    const second = (await find(name)).properties['collection.ttl.seconds'];
    expect([first, second]).toEqual(['100', '200']);
  });
});

describe('partitions', () => {
  test('appear as created, and leave or show as dropping', async () => {
    await create(name);
    await ok('create', milvus.createPartition({ collection_name: name, partition_name: 'p' }));
    const collection = await find(name);
    expect([...collection.partitions.values()].map((p) => [p.name, p.state])).toEqual([
      ['_default', 'created'],
      ['p', 'created'],
    ]);
    await ok('drop', milvus.dropPartition({ collection_name: name, partition_name: 'p' }));
    const states = [...(await find(name)).partitions.values()]
      .filter((p) => p.name === 'p')
      .map((p) => p.state);
    expect(states.every((state) => state === 'dropping')).toBe(true);
  });

  test('made again under their name they have another id', async () => {
    await create(name);
    const request = { collection_name: name, partition_name: 'p' };
    await ok('create', milvus.createPartition(request));
    const first = [...(await find(name)).partitions.values()].find((p) => p.name === 'p');
    await ok('drop', milvus.dropPartition(request));
    await ok('create', milvus.createPartition(request));
    const now = [...(await find(name)).partitions.values()].filter(
      (p) => p.state === 'created' && p.name === 'p',
    );
    expect(now).toHaveLength(1);
    expect(now[0]?.id).not.toBe(first?.id);
  });
});

describe('indexes', () => {
  test('show the parameters that the user gave, and vanish when dropped', async () => {
    await create(name);
    const index = { index_type: 'IVF_FLAT', metric_type: 'L2', params: JSON.stringify({ nlist: 128 }) };
    await ok(
      'index',
      milvus.createIndex({
        collection_name: name,
        field_name: 'vector',
        index_name: 'by_vector',
        extra_params: index,
      }),
    );
    expect((await find(name)).indexes).toEqual([{ name: 'by_vector', fieldName: 'vector', params: index }]);
    await ok('drop', milvus.dropIndex({ collection_name: name, index_name: 'by_vector' }));
    expect((await find(name)).indexes).toEqual([]);
  });

  test('a scalar index stands beside the vector one, in the order they were made', async () => {
    await create(name);
    const vector = { index_type: 'FLAT', metric_type: 'IP', params: '{}' };
    const make = (field: string, index: string, params: typeof vector): Promise<unknown> =>
      ok(
        'index',
        milvus.createIndex({
          collection_name: name,
          field_name: field,
          index_name: index,
          extra_params: params,
        }),
      );
    await make('vector', 'z', vector);
    await make('id', 'a', { index_type: 'STL_SORT', metric_type: '', params: '{}' });
    expect((await find(name)).indexes.map((index) => [index.name, index.fieldName])).toEqual([
      ['z', 'vector'],
      ['a', 'id'],
    ]);
  });
});

describe('what is loaded', () => {
  const load = async (): Promise<unknown> => (await find(name)).load;
  const partitionId = async (wanted: string): Promise<bigint | undefined> =>
    [...(await find(name)).partitions.values()].find((p) => p.name === wanted && p.state === 'created')?.id;
  const on = (...partition_names: string[]) => ({ collection_name: name, partition_names });

  beforeEach(async () => {
    await create(name);
    await ok(
      'index',
      milvus.createIndex({
        collection_name: name,
        field_name: 'vector',
        extra_params: { index_type: 'FLAT', metric_type: 'L2', params: '{}' },
      }),
    );
    for (const partition_name of ['a', 'b']) {
      await ok('partition', milvus.createPartition({ collection_name: name, partition_name }));
    }
  });

  test('a collection, from the moment it is asked for until it is released', async () => {
    expect(await load()).toEqual({ kind: 'released' });
    await ok('load', milvus.loadCollection({ collection_name: name }));
    expect(await load()).toEqual({ kind: 'collection', replicas: 1 });
    await ok('load', milvus.loadCollectionSync({ collection_name: name }));
    expect(await load()).toEqual({ kind: 'collection', replicas: 1 });
    await ok('partition', milvus.createPartition({ collection_name: name, partition_name: 'c' }));
    expect(await load()).toEqual({ kind: 'collection', replicas: 1 });
    await ok('release', milvus.releaseCollection({ collection_name: name }));
    expect(await load()).toEqual({ kind: 'released' });
  });

  test('single partitions, and the whole collection once that is asked for', async () => {
    await ok('load', milvus.loadPartitions(on('a')));
    expect(await load()).toEqual({ kind: 'partitions', partitionIds: [await partitionId('a')], replicas: 1 });
    await ok('load', milvus.loadPartitions(on('b')));
    const both = [await partitionId('a'), await partitionId('b')];
    expect(await load()).toEqual({ kind: 'partitions', partitionIds: both, replicas: 1 });
    await ok('release', milvus.releasePartitions(on('a')));
    expect(await load()).toEqual({ kind: 'partitions', partitionIds: [await partitionId('b')], replicas: 1 });
    await ok('load', milvus.loadCollectionSync({ collection_name: name }));
    expect(await load()).toEqual({ kind: 'collection', replicas: 1 });
  });

  test('a loaded collection of which a partition is released is loaded by partitions', async () => {
    await ok('load', milvus.loadCollectionSync({ collection_name: name }));
    await ok('release', milvus.releasePartitions(on('a')));
    const rest = [await partitionId('_default'), await partitionId('b')];
    expect(await load()).toEqual({ kind: 'partitions', partitionIds: rest, replicas: 1 });
    await ok('release', milvus.releasePartitions(on('b', '_default')));
    expect(await load()).toEqual({ kind: 'released' });
  });

  test('nothing any more when the collection is dropped, nor its indexes', async () => {
    await ok('load', milvus.loadCollectionSync({ collection_name: name }));
    const { id } = await find(name);
    await ok('drop', milvus.dropCollection({ collection_name: name }));
    await expect
      .poll(async () => (await catalog(name)).collections.get(id)?.load ?? { kind: 'released' }, {
        timeout: 20_000,
      })
      .toEqual({ kind: 'released' });
    await expect
      .poll(async () => (await catalog(name)).collections.get(id)?.indexes ?? [], { timeout: 20_000 })
      .toEqual([]);
  });
});

describe('the replicate channel', () => {
  let channel: string;
  beforeAll(() => {
    channel = addresses.replicateChannel;
  });

  test('tells by its type what a user did, as a record that nobody here knows', async () => {
    const { nextOffset } = await source.describeChannel(channel, signal);
    await create(name);
    await ok('flush', milvus.flush({ collection_names: [name] }));
    const stop = new AbortController();
    const types: number[] = [];
    const options = {
      maxBufferedBytes: 1 << 20,
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(20_000)]),
    };
    for await (const records of source.read(channel, nextOffset, options)) {
      for (const record of records) if (record.kind === 'unknown') types.push(record.messageType);
      if (types.includes(402)) stop.abort();
    }
    expect(types).toContain(402);
  });
});
