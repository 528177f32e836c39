import { randomUUID } from 'node:crypto';
import { create as createMessage, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeEach, expect, inject, test } from 'vitest';
import type { WriteRequest } from '../../../replicator/target/target.ts';
import { CreateAliasRequestSchema } from '../../../replicator/wire/gen/milvus_pb.ts';
import { DataType } from '../../../replicator/wire/gen/schema_pb.ts';
import { buildRows, buildSchema, type FieldSpec, type Row } from '../../support/rows.ts';
import { waitUntil } from '../../support/stack/wait-until.ts';
import { milvusHarness } from './harness.ts';

/** What Milvus 2.3.5 does, and the replicator's correctness rests on. A fake need not copy it all; a new version has to be
 *  looked at with these. */

const FIELDS: readonly FieldSpec[] = [
  { id: 100, name: 'id', type: DataType.INT64, primary: true },
  { id: 101, name: 'tag', type: DataType.VAR_CHAR },
  { id: 102, name: 'v', type: DataType.FLOAT_VECTOR, dim: 2 },
];
const APPLIED = { kind: 'applied' };

const harness = await milvusHarness(inject('stack').target.milvusAddress);
const { target } = harness;
const made: string[] = [];
let place: { readonly database: string; readonly collection: string };

beforeEach(() => {
  place = { database: 'default', collection: `facts_${randomUUID().replaceAll('-', '')}` };
  made.push(place.collection);
});
afterAll(async () => {
  for (const collection of made) await target.dropCollection({ database: 'default', collection });
  await harness.close();
});

test('a key that is twice in one upsert becomes two rows, and the next upsert of it leaves one', async () => {
  await createLoaded(FIELDS);
  expect(await put('upsert', [row(1n, 'one'), row(1n, 'two')])).toEqual(APPLIED);
  expect(await target.countRows(place)).toBe(2n);
  expect(await put('upsert', [row(1n, 'three')])).toEqual(APPLIED);
  expect(await target.countRows(place)).toBe(1n);
});

test('sending an upsert with a doubled key again changes nothing', async () => {
  await createLoaded(FIELDS);
  const rows = [row(1n, 'one'), row(1n, 'two'), row(2n, 'other')];
  for (let time = 0; time < 3; time++) expect(await put('upsert', rows)).toEqual(APPLIED);
  expect(await target.countRows(place)).toBe(3n);
});

test('an upsert without a partition goes to the default one, and leaves the key in others', async () => {
  await createLoaded(FIELDS);
  await target.createPartition(place, 'p');
  await put('insert', [row(1n, 'old')], 'p');
  await put('upsert', [row(1n, 'new')]);
  expect(await harness.rows(place, FIELDS, 'p')).toEqual([row(1n, 'old')]);
  expect(await harness.rows(place, FIELDS, '_default')).toEqual([row(1n, 'new')]);
});

test('with a partition key no write may name a partition, and the refusal has no code of its own', async () => {
  const fields = FIELDS.map((field) => ({ ...field, partitionKey: field.name === 'tag' }));
  await create(fields);
  const refusal = { kind: 'ambiguous', message: expect.stringContaining('code 65535') };
  expect(await put('insert', [row(1n)], '_default_0')).toMatchObject(refusal);
  expect(await put('upsert', [row(1n)], '_default_0')).toMatchObject(refusal);
  const remove = { kind: 'delete', ...place, keyField: 'id', keys: [1n] } as const;
  expect(await target.write({ ...remove, partition: '_default_0' }, 10_000)).toMatchObject(refusal);
  expect(await put('insert', [row(1n)])).toEqual(APPLIED);
  expect(await put('upsert', [row(1n, 'moved')])).toEqual(APPLIED);
  expect(await target.write(remove, 10_000)).toEqual(APPLIED);
});

test('with automatic ids neither insert nor upsert takes the key', async () => {
  await create(FIELDS.map((field) => ({ ...field, autoId: field.primary ?? false })));
  const refusal = { kind: 'rejected', retryable: false, code: 1100 };
  expect(await put('insert', [row(1n)])).toMatchObject(refusal);
  expect(await put('upsert', [row(1n)])).toMatchObject(refusal);
});

test('an alias is described as what it stands for, and nothing is created under its name', async () => {
  await create(FIELDS);
  const alias = { ...place, collection: `${place.collection}_alias` };
  const request = { collectionName: place.collection, alias: alias.collection };
  await harness.reader.call(
    'CreateAlias',
    toBinary(CreateAliasRequestSchema, createMessage(CreateAliasRequestSchema, request)),
  );
  expect((await target.describeCollection(alias))?.name).toBe(place.collection);
  const schema = buildSchema(alias.collection, FIELDS);
  const definition = { ...alias, schema, shards: 1, consistencyLevel: 0, properties: {} };
  await expect(target.createCollection(definition)).rejects.toMatchObject({ code: 1601 });
  await expect(target.dropCollection(alias)).rejects.toThrow('alias');
});

test('an index of a loaded collection is not dropped', async () => {
  await createLoaded(FIELDS);
  await expect(target.dropIndex(place, 'v')).rejects.toThrow('please release it first');
});

test('a loaded collection does not change its number of replicas, and more than there are nodes are refused', async () => {
  await createLoaded(FIELDS);
  await expect(target.load(place, 2)).rejects.toMatchObject({ code: 1100 });
  await target.release(place);
  await expect(target.load(place, 5)).rejects.toThrow('nodes not enough');
});

test('a key field named like a word of the expression language cannot be deleted by', async () => {
  const fields = FIELDS.map((field) => (field.primary === true ? { ...field, name: 'like' } : field));
  await create(fields);
  const remove: WriteRequest = { kind: 'delete', ...place, keyField: 'like', keys: [1n] };
  expect(await target.write(remove, 10_000)).toMatchObject({ kind: 'ambiguous' });
});

function row(id: bigint, tag = ''): Row {
  return { id, tag, v: [1, 2] };
}

function put(kind: 'insert' | 'upsert', rows: readonly Row[], partition?: string) {
  return target.write({ kind, ...place, partition, parts: [buildRows(FIELDS, rows)] }, 10_000);
}

async function create(fields: readonly FieldSpec[]): Promise<void> {
  const schema = buildSchema(place.collection, fields);
  await target.createCollection({ ...place, schema, shards: 1, consistencyLevel: 0, properties: {} });
}

async function createLoaded(fields: readonly FieldSpec[]): Promise<void> {
  await create(fields);
  await target.createIndex(place, {
    name: 'v',
    fieldName: 'v',
    params: { index_type: 'FLAT', metric_type: 'L2' },
  });
  await target.load(place, 1);
  await waitUntil(async () => (await target.loadState(place)).kind === 'collection', {
    what: 'it is loaded',
    timeoutMs: 60_000,
  });
}
