import type { RowData } from '@zilliz/milvus2-sdk-node';
import { expect, inject, test } from 'vitest';
import { compare } from '../support/compare/compare.ts';
import { openSide, type Side } from '../support/compare/side.ts';
import { ok } from '../support/milvus/connect.ts';
import { ALL_SCALARS, BUCKET, flat, floatVector, INT64_KEY } from '../support/workload/actors/fields.ts';
import { newCounts } from '../support/workload/counts.ts';
import { Random } from '../support/workload/random.ts';
import { Table } from '../support/workload/table.ts';
import { dropAll } from './harness.ts';

// All other tests believe the comparison, so this one gives it everything it has to find. Both collections are on one
// server, and equal seeds fill them equally.
test('a comparison finds each kind of difference, and none where there is none', async () => {
  const prefix = `e2e_compare_${Date.now().toString(36)}`;
  await using undo = new AsyncDisposableStack();
  const side = undo.use(await openSide(inject('stack').target.milvusAddress));
  undo.defer(() => dropAll(side, prefix));
  const [left, right] = [await filled(side, `${prefix}_left`), await filled(side, `${prefix}_right`)];
  const differences = async () => {
    const found = await compare({
      ...{ source: side, target: side },
      includes: ({ name }) => name === left.spec.name,
      includesOnTarget: ({ name }) => name === right.spec.name,
      rename: (place) => ({ ...place, name: right.spec.name }),
    });
    return found.differences.map(({ aspect, detail }) => `${aspect}: ${detail}`);
  };
  expect(await differences()).toEqual([]);

  await right.deleteKeys(['7']);
  expect(await differences()).toEqual([
    'count: count(*) is 50 at the source, 49 on the target',
    'rows: key 7 is missing on the target',
  ]);
  await left.deleteKeys(['7']);

  await right.insert(['100']);
  expect(await differences()).toContain('rows: key 100 is on the target only');
  await right.deleteKeys(['100']);

  // The same row once more: a query by key shows it once.
  const at = { collection_name: right.spec.name };
  const { data } = await side.sdk.query({ ...at, filter: 'id == 9', output_fields: ['*'] });
  const { $meta: dynamic, ...row } = data[0] as Record<string, RowData[string]>;
  await ok('insert', side.sdk.insert({ ...at, data: [{ ...row, ...(dynamic as object) }] }));
  expect(await differences()).toEqual(['count: count(*) is 49 at the source, 50 on the target']);
  await right.deleteKeys(['9']);
  await left.deleteKeys(['9']);

  // Another value in one field of one row.
  for (const change of [
    { bucket: 77 },
    { document: { word: 'other' } },
    { numbers: ['1', '2'] },
    { vector: VECTOR },
  ]) {
    const [name] = Object.keys(change);
    const changed = await side.sdk.query({ ...at, filter: 'id == 11', output_fields: ['*'] });
    const { $meta: extra, ...fields } = changed.data[0] as Record<string, RowData[string]>;
    await ok('upsert', side.sdk.upsert({ ...at, data: [{ ...fields, ...(extra as object), ...change }] }));
    expect((await differences()).join('\n'), name).toMatch(new RegExp(`rows: key 11, field ${name}: `));
  }
  await right.deleteKeys(['11']);
  await left.deleteKeys(['11']);

  await right.createPartition('extra');
  expect(await differences()).toContain('partitions: extra: absent at the source, exists on the target');
  await right.dropPartition('extra');
  await right.createIndex({ field_name: 'large', index_name: 'sorted', index_type: 'STL_SORT' });
  expect((await differences()).join('\n')).toContain('indexes: sorted: absent at the source');
  await ok('alias', side.sdk.createAlias({ ...at, alias: `${prefix}_alias` }));
  expect((await differences()).join('\n')).toContain(`aliases: ${prefix}_alias: absent at the source`);
  const properties = { 'collection.ttl.seconds': '86400' };
  await ok('alter', side.sdk.alterCollectionProperties({ ...at, properties }));
  expect((await differences()).join('\n')).toContain('properties: collection.ttl.seconds: absent');
  await right.release();
  expect((await differences()).join('\n')).toContain('load: collection: LoadStateLoaded at the source');
  await ok('alias', side.sdk.dropAlias({ alias: `${prefix}_alias` }));
  await right.drop();
  expect((await differences()).join('\n')).toContain('existence: is missing on the target');
});

const VECTOR = Array.from({ length: 8 }, () => 0.5);

async function filled(side: Side, name: string): Promise<Table> {
  const context = { client: side.sdk, random: new Random(7), counts: newCounts() };
  const fields = [INT64_KEY, BUCKET, ...ALL_SCALARS, floatVector('vector', 8)];
  const spec = { database: 'default', name, fields, vectorIndex: flat('vector'), dynamic: true };
  const table = new Table(spec, context);
  await table.create();
  await table.insertNew(50);
  return table;
}
