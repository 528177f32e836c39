import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { decodeRecord, type WireInsert } from '../../../replicator/wire/decode.ts';
import { DataType } from '../../../replicator/wire/gen/schema_pb.ts';
import { insertRecord } from '../../support/records.ts';
import { arbitraryRow } from '../../support/row-arbitraries.ts';
import { buildSchema, type FieldSpec, type Row } from '../../support/rows.ts';
import { waitUntil } from '../../support/stack/wait-until.ts';
import { milvusHarness } from './harness.ts';

/** All types that a 2.3.5 takes, `$meta` included. It allows one vector per collection. */
const SCALARS: readonly FieldSpec[] = [
  { id: 101, name: 'flag', type: DataType.BOOL },
  { id: 102, name: 'tiny', type: DataType.INT8 },
  { id: 103, name: 'small', type: DataType.INT16 },
  { id: 104, name: 'medium', type: DataType.INT32 },
  { id: 105, name: 'large', type: DataType.INT64 },
  { id: 106, name: 'ratio', type: DataType.FLOAT },
  { id: 107, name: 'precise', type: DataType.DOUBLE },
  { id: 108, name: 'text', type: DataType.VAR_CHAR, maxLength: 2_000 },
  { id: 109, name: 'document', type: DataType.JSON },
  { id: 110, name: 'flags', type: DataType.ARRAY, element: DataType.BOOL },
  { id: 111, name: 'numbers', type: DataType.ARRAY, element: DataType.INT16 },
  { id: 112, name: 'longs', type: DataType.ARRAY, element: DataType.INT64 },
  { id: 113, name: 'ratios', type: DataType.ARRAY, element: DataType.FLOAT },
];
const DYNAMIC: FieldSpec = { id: 115, name: '$meta', type: DataType.JSON, dynamic: true };
const NUMBER_KEY: FieldSpec = { id: 100, name: 'id', type: DataType.INT64, primary: true };
const TEXT_KEY: FieldSpec = { id: 100, name: 'id', type: DataType.VAR_CHAR, primary: true, maxLength: 100 };

const harness = await milvusHarness(inject('stack').target.milvusAddress);
const { target } = harness;

describe.each<[string, FieldSpec, FieldSpec, string]>([
  ['float vectors', NUMBER_KEY, { id: 114, name: 'v', type: DataType.FLOAT_VECTOR, dim: 8 }, 'L2'],
  ['binary vectors', TEXT_KEY, { id: 114, name: 'v', type: DataType.BINARY_VECTOR, dim: 16 }, 'HAMMING'],
])('rows of every type with %s', (_, key, vector, metric) => {
  const fields = [key, ...SCALARS, vector, DYNAMIC];
  const place = { database: 'default', collection: `splice_${randomUUID().replaceAll('-', '')}` };

  beforeAll(async () => {
    const schema = buildSchema(place.collection, fields);
    await target.createCollection({ ...place, schema, shards: 2, consistencyLevel: 0, properties: {} });
    const params = { index_type: metric === 'L2' ? 'FLAT' : 'BIN_FLAT', metric_type: metric };
    await target.createIndex(place, { name: 'v', fieldName: 'v', params });
    await target.load(place, 1);
    await waitUntil(async () => (await target.loadState(place)).kind === 'collection', {
      what: 'it is loaded',
      timeoutMs: 60_000,
    });
  });
  afterAll(() => target.dropCollection(place));

  test('arrive as they were, spliced from many log records into one insert, and into one upsert', async () => {
    const rows = sampleRows(fields, key, 60);
    expect(await target.write({ kind: 'insert', ...place, parts: cut(fields, rows) }, 30_000)).toEqual({
      kind: 'applied',
    });
    expect(await harness.rows(place, fields)).toEqual(rows);

    const renewed = sampleRows(fields, key, 60);
    expect(await target.write({ kind: 'upsert', ...place, parts: cut(fields, renewed) }, 30_000)).toEqual({
      kind: 'applied',
    });
    expect(await harness.rows(place, fields)).toEqual(renewed);
    expect(await target.countRows(place)).toBe(60n);
  });
});

afterAll(() => harness.close());

/** Ordered by key, each key once. */
function sampleRows(fields: readonly FieldSpec[], { type }: FieldSpec, count: number): readonly Row[] {
  const key = (at: number): bigint | string =>
    type === DataType.INT64 ? BigInt(at) - 7n : `k${at}`.padStart(9, '"');
  return fc
    .sample(arbitraryRow(fields.filter(({ primary }) => primary !== true)), count)
    .map((row, at): Row => ({ ...row, id: key(at + 100) }));
}

/** As the log holds them: records of one to five rows. */
function cut(fields: readonly FieldSpec[], rows: readonly Row[]) {
  const parts: WireInsert['rows'][] = [];
  for (let at = 0, size = 1; at < rows.length; at += size, size = (size % 5) + 1) {
    const some = rows.slice(at, at + size);
    const record = decodeRecord(insertRecord({ timestamp: 1n, collectionId: 1n, fields, rows: some }));
    parts.push((record as WireInsert).rows);
  }
  return parts;
}
