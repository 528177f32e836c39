import { expect, inject, test } from 'vitest';
import { waitUntilEqual } from '../support/compare/compare.ts';
import type { Place } from '../support/compare/side.ts';
import { ok } from '../support/milvus/connect.ts';
import { createTask, expectEqual, isOurs, type Product, startProduct, waitForPhase } from './harness.ts';
import { tableOf } from './tables.ts';

test('a task for * copies collections that were there before whole, and follows those that come later', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'all' });
  const before = tableOf(product, { name: 'before' });
  await before.create();
  await before.insertNew(500);
  await before.deleteKeys([...before.rows.keys()].slice(0, 100));
  await createTask(product);
  const after = tableOf(product, { name: 'after', form: 'texts' });
  await after.create();
  await after.insertNew(300);
  await before.insertNew(100);
  const { rows } = await expectEqual(product);
  expect(rows).toBe(800);
});

test('a task for one name leaves the others alone, whether the collection exists yet or not', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'one' });
  const { prefix } = product;
  const [chosen, later, other] = ['chosen', 'later', 'other'].map((name) => tableOf(product, { name }));
  await chosen?.create();
  await other?.create();
  await chosen?.insertNew(100);
  await other?.insertNew(100);
  await createTask(product, { collection_infos: [{ name: `${prefix}_chosen` }] });
  await createTask(product, { collection_infos: [{ name: `${prefix}_later` }] });
  await later?.create();
  await later?.insertNew(100);
  await equalBut(product, ['other']);
  expect(await targetNames(product)).toEqual([`${prefix}_chosen`, `${prefix}_later`]);
});

test('a task for another database makes it on the target, with the collections of that database only', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'db' });
  const { prefix, source } = product;
  await ok('create database', source.sdk.createDatabase({ db_name: `${prefix}_shop` }));
  const [here, there] = [
    tableOf(product, { name: 'rows', database: 'shop' }),
    tableOf(product, { name: 'rows' }),
  ];
  await there.create();
  await here.create();
  await here.insertNew(100);
  await there.insertNew(200);
  await createTask(product, { db_collections: { [`${prefix}_shop`]: [{ name: '*' }] } });
  await waitUntilEqual({
    ...product,
    includes: ({ database }) => database === `${prefix}_shop`,
    timeoutMs: 120_000,
  });
  expect(await targetNames(product)).toEqual([]);
});

test('a mapped collection arrives under its other name, in its other database', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'map' });
  const { prefix } = product;
  const table = tableOf(product, { name: 'rows' });
  await table.create();
  await table.insertNew(100);
  const mapping = { source_db: 'default', target_db: `${prefix}_archive` };
  await createTask(product, {
    collection_infos: [{ name: `${prefix}_rows` }],
    name_mapping: [{ ...mapping, collection_mapping: { [`${prefix}_rows`]: `${prefix}_kept` } }],
  });
  await table.deleteKeys([...table.rows.keys()].slice(0, 10));
  const { rows } = await waitUntilEqual({
    ...product,
    includes: isOurs(product),
    rename: () => ({ database: `${prefix}_archive`, name: `${prefix}_kept` }),
    includesOnTarget: isOurs(product),
    timeoutMs: 120_000,
  });
  expect(rows).toBe(90);
});

test('an empty source is not a reason to wait: the task streams', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'empty' });
  const id = await createTask(product, { collection_infos: [{ name: `${product.prefix}_none` }] });
  const view = await waitForPhase(product, { id, phase: 'streaming' });
  expect(view.state).toBe('Running');
});

async function equalBut(product: Product, without: readonly string[]): Promise<void> {
  const left = new Set(without.map((name) => `${product.prefix}_${name}`));
  const includes = (place: Place) => isOurs(product)(place) && !left.has(place.name);
  await waitUntilEqual({ ...product, includes, timeoutMs: 120_000 });
}

/** Names of this test's collections in the target's default database. */
async function targetNames({ target, prefix }: Product): Promise<readonly string[]> {
  const { data } = await ok('collections', target.sdk.showCollections({ db_name: 'default' }));
  return data
    .map(({ name }) => name)
    .filter((name) => name.startsWith(prefix))
    .toSorted();
}
