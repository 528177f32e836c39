import { expect, inject, test } from 'vitest';
import { createTask, expectEqual, startProduct } from './harness.ts';
import { tableOf } from './tables.ts';

test('a collection dropped and made again with another schema arrives as the new one', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'again' });
  const first = tableOf(product, { name: 'rows' });
  await first.create();
  await first.insertNew(300);
  await createTask(product);
  await expectEqual(product);
  let table = first;
  for (const form of ['texts', 'numbers', 'texts', 'texts'] as const) {
    // Rows right before the drop and right after the create: the new one must get only its own.
    await table.insertNew(50);
    await table.drop();
    table = tableOf(product, { name: 'rows', form });
    await table.create();
    await table.insertNew(70);
  }
  const { rows } = await expectEqual(product);
  expect(rows).toBe(70);
});

test('what is dropped and made again while the task is paused is the new one afterwards', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'offline' });
  const { cdc } = product;
  const [kept, dropped, again] = ['kept', 'dropped', 'again'].map((name) => tableOf(product, { name }));
  for (const table of [kept, dropped, again]) {
    await table?.create();
    await table?.insertNew(100);
  }
  const id = await createTask(product);
  await expectEqual(product);
  await cdc.pause(id);
  await dropped?.drop();
  await again?.insertNew(30);
  await again?.drop();
  const risen = tableOf(product, { name: 'again', form: 'texts' });
  await risen.create();
  await risen.insertNew(40);
  await kept?.insertNew(10);
  await cdc.resume(id);
  const { rows, collections } = await expectEqual(product);
  expect(collections).toBe(2);
  expect(rows).toBe(150);
});
