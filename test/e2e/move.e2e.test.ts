import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';
import { CdcClient } from '../support/cdc-client.ts';
import { startCdcServer } from '../support/cdc-server.ts';
import { createTask, expectEqual, type Product, startProduct, waitForPhase } from './harness.ts';
import { tableOf } from './tables.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'infra', 'cli', 'main.ts');

/** The command line as people call it; answers what it says. */
async function cdc(folder: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [MAIN, ...args], {
    cwd: folder,
    timeout: 60_000,
  });
  return stdout + stderr;
}

/** Rows that a task has written so far. */
async function written({ cdc: client }: Product, id: string): Promise<number> {
  const { status } = await client.get(id);
  const counters = status?.['counters'] as { rows_inserted: number; rows_upserted: number };
  return counters.rows_inserted + counters.rows_upserted;
}

test('a task goes on elsewhere from an old export after its control plane is lost, and no row is there twice', async () => {
  const stack = inject('stack');
  await using lost = await startProduct({ stack, name: 'move' });
  const folder = await mkdtemp(join(tmpdir(), 'cdc-move-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(folder, { recursive: true }));
  const table = tableOf(lost, { name: 'rows' });
  const untouched = tableOf(lost, { name: 'untouched', form: 'texts' });
  for (const one of [table, untouched]) {
    await one.create();
    await one.insertNew(1_000);
  }
  const id = await createTask(lost, { task_id: `${lost.prefix}_all` });
  await expectEqual(lost);
  expect(await cdc(folder, 'export', '--file', 'tasks.json', '--url', lost.server.url)).toContain(
    '1 tasks exported',
  );

  // What the export does not know: rows that are on the target already, …
  const keys = [...table.rows.keys()];
  await table.insertNew(100);
  await table.deleteKeys(keys.slice(0, 50));
  await expectEqual(lost);
  await lost.server.process.kill('SIGKILL');
  // … and some that nobody replicates.
  await table.insertNew(100);
  await table.deleteKeys(keys.slice(50, 100));
  await table.deleteKeys([...table.rows.keys()].slice(-10));

  await using server = await startCdcServer(stack);
  const found: Product = { ...lost, server, cdc: new CdcClient(server.url) };
  const said = await cdc(folder, 'import', '--file', 'tasks.json', '--url', server.url);
  expect(said).toContain(`${id}: created, goes on where it stood`);
  await waitForPhase(found, { id, phase: 'streaming' });
  await expectEqual(found);
  expect(await written(found, id)).toBeGreaterThan(0);
  // Of the 2,200 rows, those since the export, and not the history: it may be gone from the log.
  expect(await written(found, id)).toBeLessThanOrEqual(200);
  await table.insertNew(10);
  await expectEqual(found);
});
