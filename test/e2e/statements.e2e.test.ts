import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, test } from 'vitest';
import { waitUntilEqual } from '../support/compare/compare.ts';
import type { Place } from '../support/compare/side.ts';
import { ok } from '../support/milvus/connect.ts';
import { waitUntil } from '../support/stack/wait-until.ts';
import type { Table } from '../support/workload/table.ts';
import {
  createDatabaseTask,
  createTask,
  expectEqual,
  isOurs,
  type Product,
  replicatorOf,
  startProduct,
  waitForPhase,
} from './harness.ts';
import { tableOf } from './tables.ts';

// Statements 80-85 of functions/cdc/API.md: what clients of milvus-cdc may expect of their data. The numbers are those of
// the list and stay what they are.

/** What milvus-cdc's own suite waits for rows. */
const SUITE_LIMIT_MS = 120_000;
const CATCH_UP_MS = 60_000;
const STILL_SECONDS = 30;

test('80: what is inserted while a task runs is counted on the target as on the source', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'counts' });
  const table = tableOf(product, { name: 'rows' });
  const id = await createTask(product, { collection_infos: [{ name: table.spec.name }] });
  await waitForPhase(product, { id, phase: 'streaming' });
  await table.create();
  let rows = 0;
  for (let round = 0; round < 10; round += 1) rows += await table.insertNew(300);
  expect(await product.source.raw.count(at(table))).toBe(rows);
  await countReaches(product, table, { rows, timeoutMs: SUITE_LIMIT_MS });
});

test('81: a pause that is answered holds the target still while the source grows; a resume catches up in a minute', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'still' });
  const { cdc } = product;
  const table = tableOf(product, { name: 'rows' });
  await table.create();
  await table.insertNew(500);
  const id = await createTask(product, { collection_infos: [{ name: table.spec.name }] });
  await countReaches(product, table, { rows: 500, timeoutMs: SUITE_LIMIT_MS });

  // In the middle of a load: what is on its way when the pause is asked for has to arrive before the answer, or never.
  const load = writeUntil(table, { whenever: () => cdc.pause(id) });
  await load;
  await staysAsItIs(product, table);
  expect(await product.source.raw.count(at(table))).toBe(table.rows.size);
  expect((await cdc.get(id)).state).toBe('Paused');

  await cdc.resume(id);
  await countReaches(product, table, { rows: table.rows.size, timeoutMs: CATCH_UP_MS });
  await expectEqual(product);
});

test('82: a delete that is answered freezes the target', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'frozen' });
  const { cdc } = product;
  const table = tableOf(product, { name: 'rows' });
  await table.create();
  await table.insertNew(500);
  const id = await createTask(product, { collection_infos: [{ name: table.spec.name }] });
  await countReaches(product, table, { rows: 500, timeoutMs: SUITE_LIMIT_MS });
  await writeUntil(table, { whenever: () => cdc.delete(id) });
  await staysAsItIs(product, table);
  expect(await cdc.list()).toEqual([]);
});

test('83: a task for one database brings nothing of default or of another database', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'foreign' });
  const { prefix, source } = product;
  for (const name of ['foo', 'other']) {
    await ok('create database', source.sdk.createDatabase({ db_name: `${prefix}_${name}` }));
  }
  const [wanted, plain, other] = [
    tableOf(product, { name: 'rows', database: 'foo' }),
    tableOf(product, { name: 'rows' }),
    tableOf(product, { name: 'rows', database: 'other' }),
  ];
  for (const table of [plain, other, wanted]) {
    await table.create();
    await table.insertNew(100);
  }
  await createDatabaseTask(product, `${prefix}_foo`);
  // What is made while the task runs as well.
  const [late, latePlain] = [
    tableOf(product, { name: 'late', database: 'foo' }),
    tableOf(product, { name: 'late' }),
  ];
  for (const table of [latePlain, late]) {
    await table.create();
    await table.insertNew(100);
  }
  const { rows } = await waitUntilEqual({
    ...product,
    includes: ({ database }) => database === `${prefix}_foo`,
    includesOnTarget: isOurs(product),
    timeoutMs: SUITE_LIMIT_MS,
  });
  expect(rows).toBe(200);
  expect(await placesOnTarget(product)).toEqual([
    `${prefix}_foo.${prefix}_late`,
    `${prefix}_foo.${prefix}_rows`,
  ]);
});

test('84: rows of a mapped collection appear under the other name, and the source’s name is not made', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'mapped' });
  const { prefix } = product;
  const table = tableOf(product, { name: 'c1' });
  await table.create();
  await table.insertNew(100);
  await createTask(product, {
    collection_infos: [{ name: `${prefix}_c1` }],
    name_mapping: [
      {
        source_db: 'default',
        target_db: `${prefix}_tdb`,
        collection_mapping: { [`${prefix}_c1`]: `${prefix}_c2` },
      },
    ],
  });
  await table.insertNew(100);
  await table.deleteKeys([...table.rows.keys()].slice(0, 50));
  const { rows } = await waitUntilEqual({
    ...product,
    includes: isOurs(product),
    rename: () => ({ database: `${prefix}_tdb`, name: `${prefix}_c2` }),
    includesOnTarget: isOurs(product),
    timeoutMs: SUITE_LIMIT_MS,
  });
  expect(rows).toBe(150);
  expect(await placesOnTarget(product)).toEqual([`${prefix}_tdb.${prefix}_c2`]);
});

test('85: a replicator that is killed in the middle of a stream loses no row and doubles none', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'killed' });
  const table = tableOf(product, { name: 'rows' });
  await table.create();
  await table.insertNew(500);
  const id = await createTask(product, { collection_infos: [{ name: table.spec.name }] });
  await countReaches(product, table, { rows: 500, timeoutMs: SUITE_LIMIT_MS });
  for (let round = 0; round < 3; round += 1) {
    const running = await replicatorOf(product, id);
    await writeUntil(table, { whenever: async () => process.kill(running, 'SIGKILL') });
  }
  const { rows } = await expectEqual(product);
  expect(rows).toBe(table.rows.size);
  expect(await product.target.raw.count(at(table))).toBe(rows);
});

function at({ spec }: Table) {
  return { database: spec.database, collection: spec.name };
}

async function countReaches(
  { target }: Product,
  table: Table,
  { rows, timeoutMs }: { readonly rows: number; readonly timeoutMs: number },
): Promise<void> {
  const reached = async () => (await target.raw.count(at(table))) === rows;
  await waitUntil(reached, { what: `${rows} rows are on the target`, timeoutMs, everyMs: 500 });
}

/** Writes without a pause; in the middle of it something happens, and the writing goes on for a while after that. */
async function writeUntil(
  table: Table,
  { whenever }: { readonly whenever: () => Promise<unknown> },
): Promise<void> {
  const end = new AbortController();
  const writing = (async () => {
    while (!end.signal.aborted) {
      await table.insertNew(200);
      await table.deleteKeys([...table.rows.keys()].slice(0, 20));
      await sleep(50);
    }
  })();
  try {
    await sleep(1_500);
    await whenever();
    await sleep(500);
  } finally {
    end.abort();
    await writing;
  }
}

/** The source has moved on already; the target must not follow. */
async function staysAsItIs({ target, source }: Product, table: Table): Promise<void> {
  const before = await target.raw.count(at(table));
  const growing = table.rows.size;
  for (let second = 0; second < STILL_SECONDS; second += 1) {
    await table.insertNew(10);
    await sleep(1_000);
    expect(await target.raw.count(at(table)), `after ${second + 1} s`).toBe(before);
  }
  expect(await source.raw.count(at(table))).toBeGreaterThan(growing);
}

/** Every collection of this test on the target: `database.name`. */
async function placesOnTarget(product: Product): Promise<readonly string[]> {
  const { sdk } = product.target;
  const { db_names: databases } = await ok('databases', sdk.listDatabases());
  const places: Place[] = [];
  for (const database of databases) {
    const { data } = await ok('collections', sdk.showCollections({ db_name: database }));
    places.push(...data.map(({ name }) => ({ database, name })));
  }
  return places
    .filter(isOurs(product))
    .map(({ database, name }) => `${database}.${name}`)
    .toSorted();
}
