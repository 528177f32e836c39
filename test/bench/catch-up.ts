import { setTimeout as sleep } from 'node:timers/promises';
import type { CdcClient } from '../support/cdc-client.ts';
import { ok } from '../support/milvus/connect.ts';
import { treeCpuSeconds, treePeakBytes } from '../support/process-tree.ts';
import { waitUntil } from '../support/stack/wait-until.ts';
import { createLoaded, isLoaded, sendAll, visibleRows } from './collection.ts';
import { type Dataset, requestsFor } from './dataset.ts';
import type { Servers } from './servers.ts';

export interface CatchUpOptions {
  readonly servers: Servers;
  readonly cdc: CdcClient;
  /** Root of the process tree that replicates. */
  readonly serverPid: number;
  readonly taskId: string;
  readonly dataset: Dataset;
  /** Of the collection this backlog goes to, new for each. */
  readonly name: string;
}

export interface CatchUp {
  readonly rows: number;
  readonly dim: number;
  /** From the resume until a query on the target counts all rows. */
  readonly seconds: number;
  readonly rowsPerSecond: number;
  /** From the resume until a query on the target counts the first row. */
  readonly firstRowSeconds: number;
  readonly cpuSecondsPerMillionRows: number;
  /** Highest resident memory of the server's processes so far. */
  readonly peakBytes: number;
}

const CATCH_UP_TIMEOUT_MS = 600_000;
const POLL_MS = 100;
const FILL_IN_FLIGHT = 4;

/** Fills a backlog while the task is paused, resumes the task, and times the target. */
export async function measureCatchUp(options: CatchUpOptions): Promise<CatchUp> {
  const { servers, cdc, serverPid, taskId, dataset, name } = options;
  const { rows, dim } = dataset;
  await createLoaded(servers.source.sdk, name, dim);
  const arrived = () => isLoaded(servers.target.sdk, name);
  await waitUntil(arrived, { what: `${name} is loaded on the target`, timeoutMs: 180_000 });
  await cdc.pause(taskId);
  await sendAll(servers.source.raw, requestsFor(dataset, name), FILL_IN_FLIGHT);
  // The source's own work on the rows would slow the target down otherwise.
  const settled = async () => (await visibleRows(servers.source.raw, name)) === rows;
  await waitUntil(settled, { what: `the source has its rows`, timeoutMs: CATCH_UP_TIMEOUT_MS });
  const before = await visibleRows(servers.target.raw, name);
  if (before !== 0) throw new Error(`${before} rows of ${name} reached the target while the task was paused`);

  const cpuBefore = treeCpuSeconds(serverPid);
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1_000;
  await cdc.resume(taskId);
  let firstRowSeconds: number | undefined;
  for (let seen = 0; seen < rows; ) {
    seen = await visibleRows(servers.target.raw, name);
    if (seen > rows) throw new Error(`the target counts ${seen} rows of ${rows}`);
    if (seen > 0) firstRowSeconds ??= elapsed();
    if (elapsed() * 1_000 > CATCH_UP_TIMEOUT_MS) {
      throw new Error(`${seen} of ${rows} rows after ${elapsed().toFixed(0)} s`);
    }
    if (seen < rows) await sleep(POLL_MS);
  }
  const seconds = elapsed();
  const cpuSeconds = treeCpuSeconds(serverPid) - cpuBefore;
  const peakBytes = treePeakBytes(serverPid);
  await giveBackMemory(servers, name);
  return {
    rows,
    dim,
    seconds,
    rowsPerSecond: rows / seconds,
    firstRowSeconds: firstRowSeconds ?? seconds,
    cpuSecondsPerMillionRows: (cpuSeconds / rows) * 1_000_000,
    peakBytes,
  };
}

/** Ten backlogs in memory are more than a small machine has. The collections stay, as they would for a user. */
async function giveBackMemory(servers: Servers, name: string): Promise<void> {
  await ok('release', servers.source.sdk.releaseCollection({ collection_name: name }));
  const released = async () => !(await isLoaded(servers.target.sdk, name));
  await waitUntil(released, { what: `${name} is released on the target`, timeoutMs: 120_000 });
}
