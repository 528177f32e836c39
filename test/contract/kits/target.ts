import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Key } from '../../../replicator/engine/change.ts';
import {
  type CollectionDefinition,
  type CollectionName,
  type Target,
  type TargetDatabase,
  TargetRefusedError,
} from '../../../replicator/target/target.ts';
import { ColumnMismatchError } from '../../../replicator/wire/errors.ts';
import { type CollectionSchema, DataType } from '../../../replicator/wire/gen/schema_pb.ts';
import { buildRows, buildSchema, type FieldSpec, type Row } from '../../support/rows.ts';
import { waitUntil } from '../../support/stack/wait-until.ts';

/** One adapter under test. Others may use the same server: each test names its own collections. */
export interface TargetHarness {
  readonly target: Target;
  /** The rows of a partition, or of all, in order of their keys, as a strongly consistent reader sees them; of rows that share a
   *  key only one needs to be shown. The collection is loaded. */
  rows(name: CollectionName, fields: readonly FieldSpec[], partition?: string): Promise<readonly Row[]>;
  close(): Promise<void>;
}

const FIELDS: readonly FieldSpec[] = [
  { id: 100, name: 'id', type: DataType.INT64, primary: true },
  { id: 101, name: 'tag', type: DataType.VAR_CHAR, maxLength: 40 },
  { id: 102, name: 'v', type: DataType.FLOAT_VECTOR, dim: 2 },
];
const TEXT_KEY: readonly FieldSpec[] = [
  { id: 100, name: 'id', type: DataType.VAR_CHAR, primary: true, maxLength: 200 },
  { id: 101, name: 'v', type: DataType.FLOAT_VECTOR, dim: 2 },
];
const INDEX = { name: 'by_v', fieldName: 'v', params: { index_type: 'FLAT', metric_type: 'L2' } };
const DEFAULT = '_default';
const DEADLINE_MS = 20_000;

/** What every {@link Target} promises. */
export function describeTarget(name: string, make: () => Promise<TargetHarness>): void {
  describe(`${name} as a target`, () => {
    let harness: TargetHarness;
    let target: Target;
    /** Made anew for each test; not created. */
    let place: CollectionName;
    const made: CollectionName[] = [];

    beforeAll(async () => {
      harness = await make();
      target = harness.target;
    });
    beforeEach(() => {
      place = { database: 'default', collection: `kit_${randomUUID().replaceAll('-', '')}` };
      made.push(place);
    });
    afterAll(async () => {
      for (const one of made) await target.dropCollection(one);
      await harness.close();
    });

    const row = (id: Key, tag = `tag ${id}`): Row => ({ id, tag, v: [Number(id), 1] });
    const definition = (over: Partial<CollectionDefinition> = {}): CollectionDefinition => ({
      ...place,
      schema: buildSchema(place.collection, FIELDS),
      shards: 1,
      consistencyLevel: 0,
      properties: {},
      ...over,
    });
    const created = (over: Partial<CollectionDefinition> = {}): Promise<bigint> =>
      target.createCollection(definition(over));
    const loaded = async (): Promise<void> => {
      await target.createIndex(place, INDEX);
      await target.load(place, 1);
      await whenLoaded();
    };
    const whenLoaded = (): Promise<void> =>
      waitUntil(async () => !['loading', 'released'].includes((await target.loadState(place)).kind), {
        what: 'the collection is loaded',
        timeoutMs: 60_000,
      });
    const put = (kind: 'insert' | 'upsert', rows: readonly Row[], partition?: string) =>
      target.write(
        { kind, ...place, partition, parts: rows.map((one) => buildRows(FIELDS, [one])) },
        DEADLINE_MS,
      );
    const database = async (name: string): Promise<TargetDatabase | undefined> =>
      (await target.listDatabases()).find((found) => found.name === name);
    const remove = (keys: readonly Key[], partition?: string) =>
      target.write({ kind: 'delete', ...place, partition, keyField: 'id', keys }, DEADLINE_MS);
    const rows = (partition?: string): Promise<readonly Row[]> => harness.rows(place, FIELDS, partition);
    const applied = { kind: 'applied' };
    const refused = { kind: 'rejected', retryable: false };

    describe('databases', () => {
      test('a database that was created is listed, and creating it again is success', async () => {
        expect(await database('default')).toBeDefined();
        await target.createDatabase('kit_database');
        const found = await database('kit_database');
        expect(found).toBeDefined();
        await target.createDatabase('kit_database');
        expect(await database('kit_database')).toEqual(found);
      });

      test('one that is dropped and made again under its name tells another time, where the server tells one', async () => {
        const name = `kit_${randomUUID().replaceAll('-', '')}`;
        await target.createDatabase(name);
        const first = await database(name);
        expect(await target.dropDatabase(name)).toBe(true);
        expect(await database(name)).toBeUndefined();
        await target.createDatabase(name);
        const second = await database(name);
        expect(second).toBeDefined();
        if (first?.createdAt !== undefined) expect(second?.createdAt).not.toBe(first.createdAt);
        await target.dropDatabase(name);
      });

      test('one that holds a collection is not dropped, until that is dropped; dropping what is gone is success', async () => {
        const name = `kit_${randomUUID().replaceAll('-', '')}`;
        const elsewhere = { ...place, database: name };
        await target.createDatabase(name);
        const id = await target.createCollection(definition(elsewhere));
        expect(await target.dropDatabase(name)).toBe(false);
        expect((await target.describeCollection(elsewhere))?.id).toBe(id);
        await target.dropCollection(elsewhere);
        expect(await target.dropDatabase(name)).toBe(true);
        expect(await target.dropDatabase(name)).toBe(true);
        expect(await database(name)).toBeUndefined();
      });

      test('the default one is not dropped', async () => {
        await created();
        expect(await target.dropDatabase('default')).toBe(false);
        expect(await target.describeCollection(place)).toBeDefined();
      });

      test('fails to create one with a name that the server refuses', async () => {
        await expect(target.createDatabase('not a name')).rejects.toThrow(TargetRefusedError);
      });

      test('a collection of the same name in another database is another collection', async () => {
        await target.createDatabase('kit_database');
        const elsewhere = { ...place, database: 'kit_database' };
        made.push(elsewhere);
        const id = await created();
        expect(await target.describeCollection(elsewhere)).toBeUndefined();
        expect(await target.createCollection(definition(elsewhere))).not.toBe(id);
        await target.dropCollection(elsewhere);
        expect((await target.describeCollection(place))?.id).toBe(id);
      });
    });

    describe('collections', () => {
      test('a collection that is not there is described as undefined, also in a database that is not there', async () => {
        expect(await target.describeCollection(place)).toBeUndefined();
        expect(await target.describeCollection({ ...place, database: 'kit_nowhere' })).toBeUndefined();
      });

      test('a collection is described as it was created', async () => {
        const fields: readonly FieldSpec[] = [
          ...FIELDS,
          { id: 103, name: 'list', type: DataType.ARRAY, element: DataType.INT32 },
          { id: 104, name: 'part', type: DataType.INT64, partitionKey: true },
          { id: 105, name: '$meta', type: DataType.JSON, dynamic: true },
        ];
        const schema = { ...buildSchema(place.collection, fields), description: 'as described' };
        const id = await created({
          schema,
          shards: 2,
          consistencyLevel: 3,
          properties: { 'collection.ttl.seconds': '3600' },
          partitionKeyPartitions: 3,
        });
        const found = await target.describeCollection(place);
        expect(found).toMatchObject({
          id,
          database: 'default',
          name: place.collection,
          shards: 2,
          consistencyLevel: 3,
          properties: { 'collection.ttl.seconds': '3600' },
          partitionKeyPartitions: 3,
        });
        expect(shape(found?.schema)).toEqual(shape(schema));
      });

      test('creating what is there answers its id, whatever its form', async () => {
        const id = await created();
        expect(await created()).toBe(id);
        expect(await created({ schema: buildSchema(place.collection, TEXT_KEY) })).toBe(id);
      });

      test('dropping it twice is success, and its successor has another id', async () => {
        const id = await created();
        await target.dropCollection(place);
        await target.dropCollection(place);
        expect(await target.describeCollection(place)).toBeUndefined();
        expect(await created()).not.toBe(id);
      });

      test('a loaded collection can be dropped', async () => {
        await created();
        await loaded();
        await target.dropCollection(place);
        expect(await target.describeCollection(place)).toBeUndefined();
      });

      test('fails to create one without a primary key, or in a database that is not there', async () => {
        const schema = buildSchema(place.collection, FIELDS.slice(1));
        await expect(created({ schema })).rejects.toThrow(TargetRefusedError);
        await expect(created({ database: 'kit_nowhere' })).rejects.toThrow(TargetRefusedError);
      });
    });

    describe('partitions', () => {
      test('creating and dropping are idempotent', async () => {
        await created();
        await target.createPartition(place, 'p');
        await target.createPartition(place, 'p');
        expect([...(await target.listPartitions(place))].sort()).toEqual([DEFAULT, 'p']);
        await target.dropPartition(place, 'p');
        await target.dropPartition(place, 'p');
        expect(await target.listPartitions(place)).toEqual([DEFAULT]);
      });

      test('a loaded partition is released to be dropped, the others stay loaded', async () => {
        await created();
        await target.createPartition(place, 'p');
        await loaded();
        await target.dropPartition(place, 'p');
        expect(await target.listPartitions(place)).toEqual([DEFAULT]);
        expect(await target.loadState(place)).toEqual({ kind: 'collection' });
      });

      test('dropping one of a collection that is gone is success; creating one fails', async () => {
        await target.dropPartition(place, 'p');
        await expect(target.createPartition(place, 'p')).rejects.toThrow(TargetRefusedError);
        await expect(target.listPartitions(place)).rejects.toThrow(TargetRefusedError);
      });

      test('fails to drop the default partition', async () => {
        await created();
        await expect(target.dropPartition(place, DEFAULT)).rejects.toThrow(TargetRefusedError);
      });
    });

    describe('indexes', () => {
      test('an index is listed with the parameters it was created with', async () => {
        await created();
        expect(await target.listIndexes(place)).toEqual([]);
        const params = { index_type: 'HNSW', metric_type: 'COSINE', params: '{"M":8,"efConstruction":64}' };
        await target.createIndex(place, { ...INDEX, params });
        await target.createIndex(place, { ...INDEX, params });
        expect(await target.listIndexes(place)).toEqual([{ ...INDEX, params }]);
      });

      test('dropping one twice is success', async () => {
        await created();
        await target.createIndex(place, INDEX);
        await target.dropIndex(place, INDEX.name);
        await target.dropIndex(place, INDEX.name);
        expect(await target.listIndexes(place)).toEqual([]);
      });

      test('fails on a field that is not there, and on other parameters under the same name', async () => {
        await created();
        await target.createIndex(place, INDEX);
        const params = { ...INDEX.params, metric_type: 'IP' };
        await expect(target.createIndex(place, { ...INDEX, params })).rejects.toThrow(TargetRefusedError);
        const nowhere = { ...INDEX, name: 'other', fieldName: 'nowhere' };
        await expect(target.createIndex(place, nowhere)).rejects.toThrow(TargetRefusedError);
      });
    });

    describe('load state', () => {
      test('a collection is released, loaded as a whole, and released again', async () => {
        await created();
        expect(await target.loadState(place)).toEqual({ kind: 'released' });
        await loaded();
        expect(await target.loadState(place)).toEqual({ kind: 'collection' });
        await target.load(place, 1);
        await target.release(place);
        await target.release(place);
        expect(await target.loadState(place)).toEqual({ kind: 'released' });
      });

      test('partitions can be loaded and released one by one', async () => {
        await created();
        await target.createIndex(place, INDEX);
        for (const partition of ['p', 'q']) await target.createPartition(place, partition);
        await target.loadPartitions(place, ['p', 'q'], 1);
        await whenLoaded();
        expect(sorted(await target.loadState(place))).toEqual({ kind: 'partitions', names: ['p', 'q'] });
        await target.releasePartitions(place, ['q', 'gone']);
        expect(await target.loadState(place)).toEqual({ kind: 'partitions', names: ['p'] });
      });

      test('fails to load what has no index', async () => {
        await created();
        await expect(target.load(place, 1)).rejects.toThrow(TargetRefusedError);
      });

      test('releasing what is gone is success', async () => {
        await target.release(place);
        await target.releasePartitions(place, ['p']);
      });
    });

    describe('writes', () => {
      test('rows of many parts arrive, in a partition of their own if one is named', async () => {
        await created();
        await target.createPartition(place, 'p');
        await loaded();
        expect(await put('insert', [row(1n), row(2n), row(3n)])).toEqual(applied);
        expect(await put('insert', [row(4n)], 'p')).toEqual(applied);
        expect(await rows()).toEqual([row(1n), row(2n), row(3n), row(4n)]);
        expect(await rows('p')).toEqual([row(4n)]);
        expect(await target.countRows(place)).toBe(4n);
      });

      test('an insert never replaces: the same key twice is two rows', async () => {
        await created();
        await loaded();
        await put('insert', [row(1n)]);
        await put('insert', [row(1n)]);
        expect(await target.countRows(place)).toBe(2n);
      });

      test('an upsert leaves one row of a key, however many there were', async () => {
        await created();
        await loaded();
        await put('insert', [row(1n), row(2n)]);
        await put('insert', [row(1n)]);
        expect(await put('upsert', [row(1n, 'new'), row(3n)])).toEqual(applied);
        expect(await put('upsert', [row(1n, 'newer'), row(3n)])).toEqual(applied);
        expect(await rows()).toEqual([row(1n, 'newer'), row(2n), row(3n)]);
        expect(await target.countRows(place)).toBe(3n);
      });

      test('an upsert into a partition leaves the key in other partitions alone', async () => {
        await created();
        await target.createPartition(place, 'p');
        await loaded();
        await put('insert', [row(1n, 'old')]);
        await put('upsert', [row(1n, 'new')], 'p');
        expect(await rows(DEFAULT)).toEqual([row(1n, 'old')]);
        expect(await rows('p')).toEqual([row(1n, 'new')]);
      });

      test('a delete reaches all partitions, or the one it names', async () => {
        await created();
        await target.createPartition(place, 'p');
        await loaded();
        await put('insert', [row(1n), row(2n)]);
        await put('insert', [row(1n), row(2n)], 'p');
        expect(await remove([1n])).toEqual(applied);
        expect(await remove([2n, 99n], 'p')).toEqual(applied);
        expect(await rows(DEFAULT)).toEqual([row(2n)]);
        expect(await rows('p')).toEqual([]);
      });

      test('writing needs neither an index nor a loaded collection', async () => {
        await created();
        expect(await put('insert', [row(1n), row(2n)])).toEqual(applied);
        expect(await put('upsert', [row(2n, 'new')])).toEqual(applied);
        expect(await remove([1n])).toEqual(applied);
        expect(await target.countRows(place)).toBeUndefined();
        await loaded();
        expect(await rows()).toEqual([row(2n, 'new')]);
      });

      test('keys may hold any character', async () => {
        const keys = [
          '',
          'say "hi"',
          "it's",
          'back\\slash',
          'a\nb\rc\td',
          'nul\0',
          'ü 漢字 🚀',
          String.raw`\n\"`,
          'a,b]',
        ];
        await created({ schema: buildSchema(place.collection, TEXT_KEY) });
        await loaded();
        const parts = [
          buildRows(
            TEXT_KEY,
            keys.map((id) => ({ id, v: [1, 2] })),
          ),
        ];
        expect(await target.write({ kind: 'insert', ...place, parts }, DEADLINE_MS)).toEqual(applied);
        for (const [at, key] of keys.entries()) {
          expect(await remove([key])).toEqual(applied);
          expect(await target.countRows(place)).toBe(BigInt(keys.length - at - 1));
        }
      });

      test('keys may be as small and as large as an int64', async () => {
        // The largest one is counted by Milvus 2.3.5, but no query answers it.
        const keys = [-(2n ** 63n), -(2n ** 63n) + 1n, -1n, 0n, 2n ** 63n - 2n];
        await created();
        await loaded();
        await put(
          'insert',
          keys.map((id) => ({ ...row(0n), id })),
        );
        expect((await rows()).map(({ id }) => id)).toEqual(keys);
        expect(await remove(keys)).toEqual(applied);
        expect(await target.countRows(place)).toBe(0n);
      });

      test('columns to be omitted are not sent', async () => {
        const extra: readonly FieldSpec[] = [...FIELDS, { id: 103, name: 'computed', type: DataType.INT64 }];
        await created();
        const parts = [buildRows(extra, [{ ...row(1n), computed: 7n }])];
        const request = { kind: 'insert', ...place, parts } as const;
        expect(await target.write(request, DEADLINE_MS)).toMatchObject(refused);
        expect(await target.write({ ...request, omit: new Set(['computed']) }, DEADLINE_MS)).toEqual(applied);
      });

      test('a write to what is not there is rejected for good', async () => {
        expect(await put('insert', [row(1n)])).toMatchObject({ ...refused, code: 100 });
        expect(await remove([1n])).toMatchObject({ ...refused, code: 100 });
        await created();
        expect(await put('upsert', [row(1n)], 'nowhere')).toMatchObject({ ...refused, code: 200 });
        expect(await remove([1n], 'nowhere')).toMatchObject({ ...refused, code: 200 });
      });

      test('a write that does not fit the schema is rejected for good, and nothing of it is applied', async () => {
        await created();
        await loaded();
        const parts = [buildRows(FIELDS.slice(0, 2), [row(1n)])];
        const answer = await target.write({ kind: 'insert', ...place, parts }, DEADLINE_MS);
        expect(answer).toMatchObject({ ...refused, code: 1100 });
        expect(await target.countRows(place)).toBe(0n);
      });

      test('parts that do not fit together fail before anything is sent', async () => {
        await created();
        await loaded();
        const parts = [buildRows(FIELDS, [row(1n)]), buildRows(FIELDS.slice(0, 2), [row(2n)])];
        const write = target.write({ kind: 'insert', ...place, parts }, DEADLINE_MS);
        await expect(write).rejects.toThrow(ColumnMismatchError);
        expect(await target.countRows(place)).toBe(0n);
      });

      test('many writes at once are all applied', async () => {
        await created();
        await loaded();
        const ids = Array.from({ length: 20 }, (_, at) => BigInt(at));
        const answers = await Promise.all(ids.map((id) => put('insert', [row(id)])));
        expect(answers).toEqual(ids.map(() => applied));
        expect(await target.countRows(place)).toBe(20n);
      });
    });

    test('the version is told', async () => {
      expect(await target.version()).toMatch(/\d+\.\d+/);
    });
  });

  test(`${name} rejects writes after it was closed, and they may be sent elsewhere`, async () => {
    const harness = await make();
    await harness.target.close();
    const parts = [buildRows(FIELDS, [{ id: 1n, tag: '', v: [1, 2] }])];
    const place = { database: 'default', collection: 'kit_closed' };
    const answer = await harness.target.write({ kind: 'insert', ...place, parts }, DEADLINE_MS);
    expect(answer).toMatchObject({ kind: 'rejected', retryable: true });
    await harness.close();
  });
}

/** A schema without what the server gives itself. */
function shape(schema: CollectionSchema | undefined): unknown {
  return (
    schema && {
      description: schema.description,
      dynamic: schema.enableDynamicField,
      fields: schema.fields.map((field) => ({
        name: field.name,
        type: field.dataType,
        element: field.elementType,
        primary: field.isPrimaryKey,
        partitionKey: field.isPartitionKey,
        params: Object.fromEntries(field.typeParams.map(({ key, value }) => [key, value])),
      })),
    }
  );
}

function sorted(state: Awaited<ReturnType<Target['loadState']>>): unknown {
  return state.kind === 'partitions' ? { ...state, names: [...state.names].sort() } : state;
}
