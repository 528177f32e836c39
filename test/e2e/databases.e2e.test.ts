import { expect, inject, test } from 'vitest';
import type { Side } from '../support/compare/side.ts';
import { ok } from '../support/milvus/connect.ts';
import { waitUntil } from '../support/stack/wait-until.ts';
import { createTask, expectEqual, type Product, startProduct } from './harness.ts';
import { tableOf } from './tables.ts';

const EVERYTHING = { db_collections: { '*': [{ name: '*' }] } };

test('an empty database comes, goes, and comes again with collections and without', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'dbs' });
  const { source } = product;
  const before = `${product.prefix}_before`;
  await create(source, before);
  const task = await createTask(product, EVERYTHING);
  const shop = `${product.prefix}_shop`;
  await create(source, shop);
  await onTarget(product, [before, shop]);
  await drop(source, shop);
  await onTarget(product, [before]);
  await create(source, shop);
  await onTarget(product, [before, shop]);
  for (const form of ['numbers', 'texts'] as const) {
    const table = tableOf(product, { name: 'rows', database: 'shop', form });
    await table.create();
    await table.insertNew(50);
    expect((await expectEqual(product)).rows).toBe(50);
    await table.drop();
    await drop(source, shop);
    if (form === 'numbers') await create(source, shop);
  }
  await onTarget(product, [before]);
  await product.cdc.pause(task);
  await drop(source, before);
  await create(source, shop);
  await product.cdc.resume(task);
  await onTarget(product, [shop]);
});

test('a database that the target had before is used and left, and get says so', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'theirs' });
  const { source, target, cdc } = product;
  const shop = `${product.prefix}_shop`;
  await create(target, shop);
  await create(source, shop);
  const id = await createTask(product, { db_collections: { [shop]: [{ name: '*' }] } });
  const table = tableOf(product, { name: 'rows', database: 'shop' });
  await table.create();
  await table.insertNew(50);
  await expectEqual(product);
  await table.drop();
  await drop(source, shop);
  const message = `the database ${shop} of the target stays, though the source has dropped its own: this task did not make it`;
  const warned = async () =>
    JSON.stringify((await cdc.get(id)).status?.['warnings']) ===
    JSON.stringify([{ code: 'target_foreign', message }]);
  await waitUntil(warned, { what: 'get shows the warning', timeoutMs: 60_000 });
  await onTarget(product, [shop]);
});

test('a database goes by the name that its mapping gives it, which one of a single collection does not', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'mapped' });
  const { source, prefix } = product;
  const [shop, store, bazaar, archive] = ['shop', 'store', 'bazaar', 'archive'].map(
    (name) => `${prefix}_${name}`,
  ) as [string, string, string, string];
  await createTask(product, {
    db_collections: { [shop]: [{ name: '*' }], [bazaar]: [{ name: '*' }] },
    name_mapping: [
      { source_db: shop, target_db: store },
      { source_db: bazaar, target_db: archive, collection_mapping: { rows: 'kept' } },
    ],
  });
  await create(source, shop);
  await create(source, bazaar);
  await onTarget(product, [bazaar, store]);
  await drop(source, shop);
  await drop(source, bazaar);
  await onTarget(product, []);
});

function create(side: Side, name: string) {
  return ok('create database', side.sdk.createDatabase({ db_name: name }));
}

function drop(side: Side, name: string) {
  return ok('drop database', side.sdk.dropDatabase({ db_name: name }));
}

/** Waits until these are the test's databases on the target. */
async function onTarget({ target, prefix }: Product, expected: readonly string[]): Promise<void> {
  const wanted = expected.toSorted().join();
  let found = '';
  const equal = async () => {
    const { db_names: names } = await ok('databases', target.sdk.listDatabases());
    found = names
      .filter((name) => name.startsWith(prefix))
      .toSorted()
      .join();
    return found === wanted;
  };
  await waitUntil(equal, { what: `the target has ${wanted || 'none'}`, timeoutMs: 60_000 }).catch(
    (cause: unknown) => {
      throw new Error(`${(cause as Error).message}; it has ${found || 'none'}`, { cause });
    },
  );
}
