import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, test } from 'vitest';
import { findReplicators } from '../support/process-tree.ts';
import { Random } from '../support/workload/random.ts';
import { Workload } from '../support/workload/workload.ts';
import { createDatabaseTask, createTask, expectEqual, type Product, startProduct } from './harness.ts';

const MIN_SECONDS = 180;
const MIN_KILLS = 12;
/** Restarts are spaced out more and more, so that many kills take their time. */
const MAX_SECONDS = 600;

test('a mixed load arrives exactly once although replicators are killed all the time', async () => {
  const seed = Date.now() % 1_000_000;
  await using product = await startProduct({ stack: inject('stack'), name: 'main' });
  const { prefix } = product;
  await createTask(product);
  await createDatabaseTask(product, `${prefix}_db`);

  const address = inject('stack').source.milvusAddress;
  const enough = new AbortController();
  const broken = new AbortController();
  const workload = new Workload({
    ...{ address, prefix, seed, seconds: MAX_SECONDS, rowsPerSecond: 1_000 },
    signal: enough.signal,
  });
  const [report, kills] = await Promise.all([
    workload.run().catch((error: unknown) => {
      broken.abort();
      throw error;
    }),
    killAgainAndAgain(product, new Random(seed), broken.signal).finally(() => enough.abort()),
  ]);

  const comparison = await expectEqual(product, 300_000).catch((error: unknown) => {
    throw new Error(`seed ${seed}, ${kills} kills: ${(error as Error).message}`, { cause: error });
  });
  const expected = report.tables.reduce((sum, table) => sum + table.rows.size, 0);
  expect(comparison.rows, `rows compared, seed ${seed}`).toBe(expected);
  expect(kills).toBeGreaterThanOrEqual(MIN_KILLS);
  expect((await product.cdc.list()).map(({ state }) => state)).toEqual(['Running', 'Running']);
});

/** `kill -9` of a replicator at random moments: some while it starts, some in the middle of its work. Answers how many. */
async function killAgainAndAgain(product: Product, random: Random, signal: AbortSignal): Promise<number> {
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1_000;
  let kills = 0;
  while (seconds() < MAX_SECONDS && (kills < MIN_KILLS || seconds() < MIN_SECONDS)) {
    await sleep(random.int(500, 25_000), undefined, { signal });
    const running = findReplicators(product.server.pid);
    if (running.length === 0) continue;
    process.kill(random.pick(running), 'SIGKILL');
    kills += 1;
  }
  return kills;
}
