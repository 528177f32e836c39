import { CdcClient } from '../support/cdc-client.ts';
import { waitUntil } from '../support/stack/wait-until.ts';
import { type CatchUp, measureCatchUp } from './catch-up.ts';
import { createLoaded, isLoaded } from './collection.ts';
import { makeDataset } from './dataset.ts';
import { type Lag, measureLag } from './lag.ts';
import { type Limit, measureLimit } from './limit.ts';
import type { BenchOptions } from './options.ts';
import type { BenchResult } from './report.ts';
import { openOrdinaryTarget, type Servers } from './servers.ts';

export interface BenchContext {
  readonly options: BenchOptions;
  readonly servers: Servers;
  /** The server under test. */
  readonly api: string;
  readonly pid: number;
  readonly log: (line: string) => void;
}

const LAG_DIM = 128;

/** All measurements, one after the other on the same machine. One that fails is told in the result, and the others are
 *  still made. */
export async function runBench(context: BenchContext): Promise<BenchResult> {
  const { options, servers, api, log } = context;
  const failures: string[] = [];
  const attempt = async (what: string, measure: () => Promise<void>): Promise<boolean> => {
    log(what);
    try {
      await measure();
      return true;
    } catch (error) {
      failures.push(`${what}: ${(error as Error).message}`);
      log(`  failed: ${(error as Error).message}`);
      return false;
    }
  };
  const startedAt = new Date().toISOString();
  const cdc = new CdcClient(api);
  const uri = `http://${servers.addresses.target.milvusAddress}`;
  const taskId = await cdc.create({ milvus_connect_param: { uri }, collection_infos: [{ name: '*' }] });
  const results = { catchUps: [] as CatchUp[], limits: [] as Limit[] };
  let lag: Lag | undefined;
  let directLag: Lag | undefined;
  await attempt('lag of single rows', async () => {
    lag = await replicatedLag(context);
  });
  for (const shape of options.datasets) {
    const dataset = makeDataset(shape);
    for (let backlog = 1; backlog <= options.backlogs; backlog += 1) {
      const name = `bench_${shape.dim}_${backlog}_${Date.now()}`;
      const what = `catch-up ${backlog} of ${options.backlogs}: ${shape.rows} rows of ${shape.dim} dimensions`;
      const well = await attempt(what, async () => {
        const one = await measureCatchUp({ servers, cdc, serverPid: context.pid, taskId, dataset, name });
        results.catchUps.push(one);
        log(`  ${one.rowsPerSecond.toFixed(0)} rows/s`);
      });
      if (!well) await cdc.resume(taskId).catch(() => log('  (the task ran already)'));
    }
  }
  await cdc.delete(taskId);
  await using direct = await directTarget(context);
  await attempt('lag of rows written to the target itself', async () => {
    const collection = `bench_direct_${Date.now()}`;
    await createLoaded(direct.side.sdk, collection, LAG_DIM);
    const both = { writer: direct.side, reader: direct.side };
    directLag = await measureLag({ ...both, collection, dim: LAG_DIM, samples: options.lagSamples });
  });
  for (const shape of options.datasets) {
    await attempt(`limit: ${shape.rows} rows of ${shape.dim} dimensions`, async () => {
      const limit = await measureLimit(direct.side, makeDataset(shape), `bench_limit_${Date.now()}`);
      results.limits.push(limit);
      log(`  ${limit.rowsPerSecond.toFixed(0)} rows/s`);
    });
  }
  return {
    startedAt,
    server: api,
    standbyTarget: options.standbyTarget,
    ...results,
    lag,
    directLag,
    failures,
  };
}

async function replicatedLag({ options, servers }: BenchContext): Promise<Lag> {
  const collection = `bench_lag_${Date.now()}`;
  await createLoaded(servers.source.sdk, collection, LAG_DIM);
  const arrived = () => isLoaded(servers.target.sdk, collection);
  await waitUntil(arrived, { what: `${collection} is loaded on the target`, timeoutMs: 180_000 });
  const sides = { writer: servers.source, reader: servers.target };
  return measureLag({ ...sides, collection, dim: LAG_DIM, samples: options.lagSamples });
}

async function directTarget({ options, servers }: BenchContext) {
  if (options.standbyTarget) return openOrdinaryTarget();
  return { side: servers.target, [Symbol.asyncDispose]: async () => {} };
}
