import { expect, inject, test } from 'vitest';
import { findReplicators, isAlive } from '../support/process-tree.ts';
import { waitUntil } from '../support/stack/wait-until.ts';
import { createTask, expectEqual, replicatorOf, startProduct, waitForPhase } from './harness.ts';
import { tableOf } from './tables.ts';

test('a control plane that was killed starts what ran, leaves alone what was paused, and loses nothing', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'control' });
  const { cdc, server, prefix } = product;
  const table = tableOf(product, { name: 'rows' });
  await table.create();
  await table.insertNew(100);
  const running = await createTask(product, { collection_infos: [{ name: `${prefix}_rows` }] });
  const paused = await createTask(product, { collection_infos: [{ name: `${prefix}_other` }] });
  await cdc.pause(paused);
  await expectEqual(product);

  for (let round = 1; round <= 2; round += 1) {
    const replicator = await replicatorOf(product, running);
    const controlPlane = server.pid;
    process.kill(controlPlane, 'SIGKILL');
    const gone = async () => !isAlive(controlPlane) && !isAlive(replicator);
    await waitUntil(gone, { what: 'a replicator ends with its control plane', timeoutMs: 30_000 });
    await table.insertNew(100);
    await table.deleteKeys([...table.rows.keys()].slice(0, 20));
    await waitUntil(async () => server.process.pid === undefined, {
      what: 'the end is noticed',
      timeoutMs: 5_000,
    });
    await server.process.start();
    await waitForPhase(product, { id: running, phase: 'streaming' });
    await expectEqual(product);
  }
  const states = Object.fromEntries((await cdc.list()).map((task) => [task.task_id, task.state]));
  expect(states).toEqual({ [running]: 'Running', [paused]: 'Paused' });
  expect(findReplicators(server.pid, paused)).toEqual([]);
});
