import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, test } from 'vitest';
import { Random } from '../support/workload/random.ts';
import { Workload } from '../support/workload/workload.ts';
import {
  createDatabaseTask,
  createTask,
  expectEqual,
  type Product,
  replicatorOf,
  startProduct,
} from './harness.ts';

const SECONDS = 180;
const MIN_KILLS = 10;

test('a mixed load arrives exactly once although replicators are killed all the time', async () => {
  const seed = Date.now() % 1_000_000;
  await using product = await startProduct({ stack: inject('stack'), name: 'main' });
  const { prefix } = product;
  await createTask(product);
  await createDatabaseTask(product, `${prefix}_db`);

  const done = new AbortController();
  const address = inject('stack').source.milvusAddress;
  const workload = new Workload({ address, prefix, seed, seconds: SECONDS, rowsPerSecond: 1_000 });
  const working = workload.run().finally(() => done.abort());
  const [report, kills] = await Promise.all([working, killUntil(product, new Random(seed), done.signal)]);

  const comparison = await expectEqual(product, 300_000).catch((error: unknown) => {
    throw new Error(`seed ${seed}, ${kills} kills: ${(error as Error).message}`, { cause: error });
  });
  const expected = report.tables.reduce((sum, table) => sum + table.rows.size, 0);
  expect(comparison.rows, `rows compared, seed ${seed}`).toBe(expected);
  expect(kills).toBeGreaterThanOrEqual(MIN_KILLS);
  expect((await product.cdc.list()).map(({ state }) => state)).toEqual(['Running', 'Running']);
});

/** `kill -9` of a replicator at random moments: some while it starts, some in the middle of its work. */
async function killUntil(product: Product, random: Random, signal: AbortSignal): Promise<number> {
  let kills = 0;
  while (!signal.aborted) {
    await sleep(random.int(500, 15_000), undefined, { signal }).catch(() => {});
    if (signal.aborted) break;
    const tasks = (await product.cdc.list()).map((task) => task.task_id);
    process.kill(await replicatorOf(product, random.pick(tasks)), 'SIGKILL');
    kills += 1;
  }
  return kills;
}
