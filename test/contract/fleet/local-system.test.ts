import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { LogFiles } from '#shared/fleet/process/log-files.ts';
import { ProcessFleet } from '#shared/fleet/process/process-fleet.ts';
import { createLogger } from '#shared/log.ts';
import { SqliteTaskStore } from '#shared/store/sqlite/sqlite-task-store.ts';
import type { Run } from '#shared/task/run.ts';
import type { Launch, Task } from '#shared/task/task.ts';
import { type ReconcilerDeps, reconcileTask, sweep } from '../../../functions/reconcile/reconciler.ts';
import { MemorySecretStore } from '../../support/fakes/memory-secret-store.ts';
import { sampleTask } from '../../support/fakes/task-samples.ts';
import { until } from '../kits/fleet.ts';

const PLANE = join(import.meta.dirname, 'plane.ts');
const CHILD = join(import.meta.dirname, 'leasing-child.ts');

let folder: string;
let file: string;
let store: SqliteTaskStore;
let task: Task;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cdc-local-'));
  file = join(folder, 'state.db');
  store = new SqliteTaskStore({ file });
  task = sampleTask();
  await store.createTask(task, { maxTasks: 9, seen: 0 });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

/** A control plane in this process; its replicators are drained at the end of the test. */
function controlPlane(): ReconcilerDeps {
  const logs = new LogFiles({ folder: join(folder, 'logs') });
  const fleet = new ProcessFleet({
    command: [process.execPath, CHILD],
    env: { PATH: process.env['PATH'], CDC_DATABASE: file },
    output: (order) => logs.open(order.taskId),
    logger: createLogger('silent'),
    forcedExitMs: 5_000,
  });
  onTestFinished(() => fleet.close());
  return {
    tasks: store,
    fleet,
    secrets: new MemorySecretStore(),
    log: createLogger('silent'),
    now: Date.now,
  };
}

/** Sweeps, as a timer would, until it is so. */
async function sweepUntil(
  deps: ReconcilerDeps,
  reached: (launch: Launch | undefined, run: Run | undefined) => boolean,
): Promise<{ launch: Launch; run: Run }> {
  await until(async () => {
    await sweep(deps);
    return reached(await store.getLaunch(task.id), await store.getRun(task.id));
  });
  return { launch: (await store.getLaunch(task.id))!, run: (await store.getRun(task.id))! };
}

const streams = (generation: number) => (_: Launch | undefined, run: Run | undefined) =>
  run?.generation === generation && run.phase === 'streaming';

describe('tasks, processes and the reconciler on one machine', () => {
  test('a task runs, pauses drained, and is resumed by a job that learns so', async () => {
    const deps = controlPlane();
    await sweepUntil(deps, streams(1));
    const paused = await store.setDesired(task, 'Paused', '');
    const stopped = await sweepUntil(deps, (launch) => launch?.lastExit !== undefined);
    expect(stopped.launch.lastExit).toMatchObject({ generation: 1, code: 0, confirmed: true });
    expect(stopped.run.released).toBe('drained');
    await store.setDesired(paused, 'Running', '');
    await reconcileTask(deps, task.id);
    const again = await sweepUntil(deps, streams(2));
    expect(again.launch.lastExit).toMatchObject({ generation: 1, code: 0, confirmed: true });
    expect(again.run.epoch).toBe(2);
  });

  test('a replicator that is killed is known to be dead and is replaced', async () => {
    const deps = controlPlane();
    const first = await sweepUntil(deps, streams(1));
    process.kill(Number(first.launch.handle?.split(':')[0]), 'SIGKILL');
    const { launch, run } = await sweepUntil(deps, streams(2));
    expect(launch.lastExit).toMatchObject({ generation: 1, code: null, confirmed: true });
    expect(run.epoch).toBe(first.run.epoch + 1);
  });

  test('a deleted task leaves neither process nor items', async () => {
    const deps = controlPlane();
    await sweepUntil(deps, streams(1));
    await store.deleteTask(task);
    await sweepUntil(deps, (launch, run) => launch === undefined && run === undefined);
    expect(await store.listTombstones()).toEqual([]);
  });

  test('after a kill -9 of the control plane the next one finds the old replicator dead and starts anew', async () => {
    const plane = spawn(process.execPath, [PLANE, file, join(folder, 'logs'), CHILD], { stdio: 'inherit' });
    onTestFinished(() => void plane.kill('SIGKILL'));
    await until(async () => streams(1)(undefined, await store.getRun(task.id)));
    plane.kill('SIGKILL');
    const { launch, run } = await sweepUntil(controlPlane(), streams(2));
    expect(launch.lastExit).toMatchObject({ generation: 1, confirmed: true });
    expect(run.epoch).toBe(2);
  });
});
