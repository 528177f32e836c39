import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, test } from 'vitest';
import { findReplicators } from '../support/process-tree.ts';
import { waitUntil } from '../support/stack/wait-until.ts';
import { Random } from '../support/workload/random.ts';
import { Workload } from '../support/workload/workload.ts';
import { createTask, expectEqual, type Product, startProduct } from './harness.ts';
import { tableOf } from './tables.ts';

test('a paused task has no process and writes nothing; resumed, it goes on where it stopped', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'pause' });
  const { cdc, target, server } = product;
  const table = tableOf(product, { name: 'rows' });
  await table.create();
  await table.insertNew(200);
  const id = await createTask(product);
  await expectEqual(product);
  for (let round = 1; round <= 3; round += 1) {
    await cdc.pause(id);
    expect(await cdc.get(id)).toMatchObject({
      state: 'Paused',
      reason: 'manually pause through http interface',
    });
    await replicatorIsGone(product, id);
    const keys = [...table.rows.keys()];
    await table.insertNew(100);
    await table.upsert(keys.slice(0, 30));
    await table.deleteKeys(keys.slice(30, 60));
    const { database, name } = table.spec;
    expect(await target.raw.count({ database, collection: name })).toBe(keys.length);
    expect(findReplicators(server.pid, id)).toEqual([]);
    await cdc.resume(id);
    expect((await cdc.get(id)).state).toBe('Running');
    await expectEqual(product);
  }
});

test('a load that goes on over many pauses arrives exactly once', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'pauses' });
  const { cdc, prefix } = product;
  const id = await createTask(product);
  const address = inject('stack').source.milvusAddress;
  const actors = ['allTypes', 'churn', 'generatedKeys', 'phoenix'] as const;
  const done = new AbortController();
  const { signal } = done;
  const work = new Workload({ address, prefix, seed: 99, seconds: 60, actors }).run().finally(() => {
    done.abort();
  });
  const random = new Random(99);
  const phases: string[] = [];
  while (!signal.aborted) {
    // Sometimes before it has started, sometimes in the middle of its work.
    await sleep(random.int(0, 6_000), undefined, { signal }).catch(() => {});
    phases.push((await cdc.get(id)).status?.phase ?? '');
    await cdc.pause(id);
    await cdc.resume(id);
  }
  await work;
  await expectEqual(product);
  expect(phases.filter((phase) => phase === 'streaming').length).toBeGreaterThan(2);
});

async function replicatorIsGone(product: Product, id: string): Promise<void> {
  const gone = async () => findReplicators(product.server.pid, id).length === 0;
  await waitUntil(gone, { what: `no process works for the paused task ${id}`, timeoutMs: 40_000 });
}
