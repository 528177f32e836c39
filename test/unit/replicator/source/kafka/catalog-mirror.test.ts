import { describe, expect, test } from 'vitest';
import type { CatalogCollection } from '../../../../../replicator/engine/catalog.ts';
import { SourceUnsupportedError } from '../../../../../replicator/source/change-source.ts';
import { UNKNOWN_START_OFFSET } from '../../../../../replicator/source/kafka/catalog-build.ts';
import { CATALOG_RANGES } from '../../../../../replicator/source/kafka/catalog-keys.ts';
import { CatalogMirror } from '../../../../../replicator/source/kafka/catalog-mirror.ts';
import type { CollectionState } from '../../../../../replicator/wire/gen/etcd_meta_pb.ts';
import { DataType } from '../../../../../replicator/wire/gen/schema_pb.ts';
import {
  collection,
  collectionLoad,
  database,
  field,
  fields,
  functionRow,
  index,
  type MetaRow,
  partition,
  partitionLoad,
  TOMBSTONE,
} from './rows.ts';

let revision = 0n;

function put(mirror: CatalogMirror, ...rows: readonly MetaRow[]): void {
  revision += 1n;
  for (const [key, value] of rows) {
    const range = CATALOG_RANGES.find(({ from, end }) => key >= from && key < end);
    if (range === undefined) throw new Error(`${key} is in no range`);
    mirror.put(range, [{ key, value, modRevision: revision }]);
  }
}

function build(...rows: readonly MetaRow[]): CatalogCollection | undefined {
  const mirror = new CatalogMirror();
  put(mirror, ...rows);
  return mirror.catalog(1n).collections.get(5n);
}

const position = (offset: number): Uint8Array => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(offset));
  return bytes;
};

describe('a collection', () => {
  test('is created when its key is readable, and is still creating while it is not', () => {
    expect(build(collection(5))).toMatchObject({ state: 'creating' });
    expect(build(collection(5), field(5, 0), field(5, 101))).toMatchObject({ state: 'creating' });
    expect(build(collection(5), field(5, 101))?.schema.fields).toEqual([]);
    expect(build(collection(5), ...fields(5))).toMatchObject({ state: 'created' });
  });

  test('with a dynamic field is created only when that one is readable too', () => {
    const dynamic = { schema: { name: 'c', enableDynamicField: true } };
    expect(build(collection(5, dynamic), ...fields(5))).toMatchObject({ state: 'creating' });
    const meta = field(5, 101, { name: '$meta', isDynamic: true, dataType: DataType.JSON });
    expect(build(collection(5, dynamic), ...fields(5), meta)).toMatchObject({ state: 'created' });
  });

  test('shows its schema as a user declared it: no system fields, in the order of ids', () => {
    const meta = field(5, 1000, { name: '$meta', isDynamic: true });
    const own = field(5, 999, { name: '$meta' });
    const built = build(
      collection(5),
      meta,
      own,
      field(5, 101),
      ...fields(5),
      functionRow(5, 2),
      functionRow(5, 1),
    );
    expect(built?.schema).toMatchObject({ name: 'c5', enableDynamicField: true });
    expect(built?.schema.fields.map((f) => [f.fieldId, f.name])).toEqual([
      [100n, 'f100'],
      [101n, 'f101'],
      [999n, '$meta'],
    ]);
    expect(built?.schema.functions.map((f) => f.name)).toEqual(['fn1', 'fn2']);
  });

  test.each([
    [0, 'created'],
    [1, 'creating'],
    [2, 'dropping'],
    [3, 'dropping'],
    [9, 'dropping'],
  ])('in state %i of Milvus is %s', (state, shown) => {
    expect(build(collection(5, { state: state as CollectionState }), ...fields(5))).toMatchObject({
      state: shown,
    });
  });

  test('pairs its shards with their start positions by channel, whatever the order', () => {
    const info = {
      virtualChannelNames: ['dml_10_5v0', 'dml_2_5v1'],
      physicalChannelNames: ['dml_10', 'dml_2'],
      startPositions: [
        { key: 'dml_2', data: position(22) },
        { key: 'dml_10', data: position(1_000_000) },
      ],
    };
    expect(build(collection(5, info), ...fields(5))?.shards).toEqual([
      { vchannel: 'dml_10_5v0', channel: 'dml_10', startOffset: 1_000_000n },
      { vchannel: 'dml_2_5v1', channel: 'dml_2', startOffset: 22n },
    ]);
  });

  test('tells when a start position is missing or of another queue', () => {
    const info = {
      virtualChannelNames: ['dml_0_5v0', 'dml_1_5v1'],
      physicalChannelNames: ['dml_0', 'dml_1'],
      startPositions: [{ key: 'dml_0', data: Buffer.from('pulsar position') }],
    };
    const offsets = build(collection(5, info), ...fields(5))?.shards.map((shard) => shard.startOffset);
    expect(offsets).toEqual([UNKNOWN_START_OFFSET, UNKNOWN_START_OFFSET]);
  });

  test('of before databases is one of the default database; its successor wins over it', () => {
    const legacy = collection(5, { schema: { name: 'old' } }, 'root-coord/collection/5');
    expect(build(legacy, ...fields(5))).toMatchObject({ name: 'old', databaseId: 1n, database: 'default' });
    const moved = collection(5, { schema: { name: 'new' } });
    for (const rows of [
      [legacy, moved],
      [moved, legacy],
    ]) {
      expect(build(...rows, ...fields(5))).toMatchObject({ name: 'new' });
    }
  });

  test('of before rows of their own has its fields and partitions inline', () => {
    const info = {
      schema: { name: 'old', fields: [{ fieldId: 100n, name: 'id', isPrimaryKey: true }] },
      partitionIds: [8n],
      partitionNames: ['_default'],
    };
    const built = build(collection(5, info, 'root-coord/collection/5'));
    expect(built).toMatchObject({ state: 'created' });
    expect([...(built?.partitions.values() ?? [])]).toEqual([{ id: 8n, name: '_default', state: 'created' }]);
  });

  test('that moves to another database is one, there', () => {
    const mirror = new CatalogMirror();
    put(mirror, database(2, 'two'), collection(5), ...fields(5));
    const there = collection(5, {}, 'root-coord/database/collection-info/2/5');
    put(mirror, ['root-coord/database/collection-info/1/5', TOMBSTONE], there);
    const { collections } = mirror.catalog(2n);
    expect([...collections.values()].map((c) => [c.id, c.database])).toEqual([[5n, 'two']]);
  });

  test('that outlives its database has no database name', () => {
    const row = collection(5, { state: 2 }, 'root-coord/database/collection-info/9/5');
    expect(build(row, ...fields(5))).toMatchObject({ state: 'dropping', database: '', databaseId: 9n });
  });

  test('has indexes that exist, with the parameters that were given, in the order they were made', () => {
    const dropped = index(5, 1, { deleted: true });
    const given = index(5, 3, {
      indexInfo: {
        fieldId: 100n,
        indexId: 3n,
        indexName: 'given',
        indexParams: [{ key: 'nlist', value: '8' }],
        userIndexParams: [{ key: 'params', value: '{"nlist":8}' }],
      },
    });
    const ofNoField = index(5, 4, { indexInfo: { fieldId: 777n, indexId: 4n } });
    expect(build(collection(5), ...fields(5), given, dropped, ofNoField, index(5, 2))?.indexes).toEqual([
      { name: 'i2', fieldName: 'f100', params: { index_type: 'FLAT' } },
      { name: 'given', fieldName: 'f100', params: { params: '{"nlist":8}' } },
    ]);
  });
});

describe('what is loaded', () => {
  const rows = [collection(5), ...fields(5), partition(5, 8), partition(5, 9), partition(5, 10, 1)];
  const load = (...more: readonly MetaRow[]): unknown => build(...rows, ...more)?.load;

  test.each([
    ['nothing', [], { kind: 'released' }],
    ['rows of partitions alone', [partitionLoad(5, 8)], { kind: 'released' }],
    ['a load that has just begun', [collectionLoad(5, { status: 1 })], { kind: 'collection', replicas: 1 }],
    [
      'all created partitions',
      [collectionLoad(5), partitionLoad(5, 8), partitionLoad(5, 9)],
      { kind: 'collection', replicas: 1 },
    ],
    [
      'all but one',
      [collectionLoad(5, { replicaNumber: 2 }), partitionLoad(5, 9)],
      { kind: 'partitions', partitionIds: [9n], replicas: 2 },
    ],
    [
      'all of them, one by one',
      [collectionLoad(5, { loadType: 1 }), partitionLoad(5, 8), partitionLoad(5, 9)],
      { kind: 'partitions', partitionIds: [8n, 9n], replicas: 1 },
    ],
    ['none of them any more', [collectionLoad(5)], { kind: 'released' }],
    [
      'one that does not exist',
      [collectionLoad(5, { loadType: 1 }), partitionLoad(5, 77)],
      { kind: 'released' },
    ],
  ])('with %s', (_, more, expected) => {
    expect(load(...more)).toEqual(expected);
  });
});

describe('the mirror', () => {
  test('has the default database even without a row', () => {
    expect(new CatalogMirror().catalog(7n)).toEqual({
      revision: 7n,
      databases: new Map([[1n, { id: 1n, name: 'default', properties: {} }]]),
      collections: new Map(),
    });
  });

  test('renames the database of every collection with the database', () => {
    const mirror = new CatalogMirror();
    put(
      mirror,
      database(2, 'before'),
      collection(5, {}, 'root-coord/database/collection-info/2/5'),
      ...fields(5),
    );
    mirror.catalog(1n);
    put(mirror, database(2, 'after'));
    expect(mirror.catalog(2n).collections.get(5n)?.database).toBe('after');
  });

  test('builds only what changed', () => {
    const mirror = new CatalogMirror();
    put(mirror, collection(5), ...fields(5), collection(6), ...fields(6));
    const before = mirror.catalog(1n);
    put(mirror, partition(5, 8));
    const after = mirror.catalog(2n);
    expect(after.collections.get(6n)).toBe(before.collections.get(6n));
    expect(after.collections.get(5n)).not.toBe(before.collections.get(5n));
    expect(before.collections.get(5n)?.partitions.size).toBe(0);
  });

  test('takes a tombstone for a deletion, and counts it as a key', () => {
    const mirror = new CatalogMirror();
    const [range] = CATALOG_RANGES;
    if (range === undefined) throw new Error('no range');
    put(mirror, collection(5), ...fields(5));
    expect(mirror.size(range)).toBe(4);
    put(mirror, [collection(5)[0], TOMBSTONE]);
    expect(mirror.catalog(1n).collections.size).toBe(0);
    expect(mirror.size(range)).toBe(4);
    mirror.replace(range, []);
    expect(mirror.size(range)).toBe(0);
  });

  test('refuses a row that is not what it should be, again each time', () => {
    const mirror = new CatalogMirror();
    const bad: MetaRow = ['root-coord/fields/5/100', Buffer.from('ffffffffffffffffffffff', 'hex')];
    for (let time = 0; time < 2; time += 1) {
      expect(() => put(mirror, bad)).toThrow(SourceUnsupportedError);
      expect(() => put(mirror, bad)).toThrow(/field row \(collection 5\)/);
    }
  });
});
