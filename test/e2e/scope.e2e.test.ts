import { expect, inject, test } from 'vitest';
import { waitUntil } from '../support/stack/wait-until.ts';
import { createTask, expectEqual, startProduct, waitForPhase } from './harness.ts';
import { tableOf } from './tables.ts';

test('a collection passes from its own task to the wildcard and back, and no row is lost or doubled', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'scope' });
  const { cdc, prefix } = product;
  const [mine, others] = [tableOf(product, { name: 'mine' }), tableOf(product, { name: 'others' })];
  const write = async () => {
    for (const table of [mine, others]) {
      await table.insertNew(200);
      await table.deleteKeys([...table.rows.keys()].slice(0, 50));
    }
  };
  const collections = async (id: string) =>
    ((await cdc.get(id)).status?.collections ?? [])
      .map(({ source }) => source)
      .filter((name) => name.includes(prefix));
  const [mineAt, othersAt] = [`default.${prefix}_mine`, `default.${prefix}_others`];
  const owns = (id: string, names: readonly string[]) =>
    waitUntil(async () => (await collections(id)).toSorted().join() === names.join(), {
      what: `${id} replicates ${names.join(' and ')}`,
      timeoutMs: 60_000,
    });
  await mine.create();
  await others.create();
  await write();

  const request = { task_id: `${prefix}_mine`, collection_infos: [{ name: `${prefix}_mine` }] };
  await createTask(product, request);
  const all = await createTask(product, { task_id: `${prefix}_all` });
  await owns(request.task_id, [mineAt]);
  await owns(all, [othersAt]);
  await write();
  await expectEqual(product);

  await cdc.delete(request.task_id);
  await write();
  await owns(all, [mineAt, othersAt]);
  await write();
  await expectEqual(product);

  await createTask(product, request);
  await write();
  await waitForPhase(product, { id: request.task_id, phase: 'streaming' });
  await owns(all, [othersAt]);
  await write();
  const { rows } = await expectEqual(product);
  expect(rows).toBe(mine.rows.size + others.rows.size);
});
