import { setTimeout as sleep } from 'node:timers/promises';
import type { Side } from '../support/compare/side.ts';
import { createLoaded, sendAll, visibleRows } from './collection.ts';
import { type Dataset, requestsFor } from './dataset.ts';

/** What a target takes when the rows come from memory, ready to be sent: no replicator can be faster. */
export interface Limit {
  readonly rows: number;
  readonly dim: number;
  /** From the first request until a query counts all rows, as the catch-up is measured. */
  readonly rowsPerSecond: number;
}

const IN_FLIGHT = 4;
const POLL_MS = 100;
const TIMEOUT_MS = 300_000;

export async function measureLimit(target: Side, dataset: Dataset, name: string): Promise<Limit> {
  const { rows, dim } = dataset;
  await createLoaded(target.sdk, name, dim);
  const requests = [...requestsFor(dataset, name)];
  const start = performance.now();
  await sendAll(target.raw, requests, IN_FLIGHT);
  while ((await visibleRows(target.raw, name)) < rows) {
    if (performance.now() - start > TIMEOUT_MS) throw new Error('the target does not show what it took');
    await sleep(POLL_MS);
  }
  const seconds = (performance.now() - start) / 1_000;
  await target.sdk.dropCollection({ collection_name: name });
  return { rows, dim, rowsPerSecond: rows / seconds };
}
