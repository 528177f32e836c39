import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { SqliteSecretStore } from '#shared/secrets/sqlite-secret-store.ts';
import { forgetOrphans } from '../../../../infra/local/forget-orphans.ts';
import { MemoryTaskStore } from '../../../support/fakes/memory-task-store.ts';
import { sampleTask } from '../../../support/fakes/task-samples.ts';

const log = pino({ level: 'silent' });

async function stores() {
  const folder = mkdtempSync(join(tmpdir(), 'orphans-'));
  const secrets = new SqliteSecretStore({ file: join(folder, 'tasks.sqlite') });
  onTestFinished(async () => {
    await secrets.close();
    rmSync(folder, { recursive: true });
  });
  const tasks = new MemoryTaskStore();
  await secrets.put('orphan', { token: 'x' });
  const create = async (id: string) => {
    const task = sampleTask({ id, secretRef: await secrets.put(id, { token: 'x' }) });
    const { revision } = await tasks.getScope(task.targetIdentity);
    await tasks.createTask(task, { maxTasks: 9, seen: revision });
    return task;
  };
  await create('task');
  await tasks.deleteTask(await create('tombstone'));
  expect(await secrets.refs()).toHaveLength(3);
  return { tasks, secrets, log };
}

test('credentials without a task are removed, those of deleted tasks wait for the purge', async () => {
  const all = await stores();
  await forgetOrphans(all);
  expect((await all.secrets.refs()).toSorted()).toEqual(['target-task', 'target-tombstone']);
});

test('nothing is removed while the tasks cannot be read', async () => {
  const all = await stores();
  all.tasks.failNext(new Error('away'), 'listTombstones');
  await forgetOrphans(all);
  expect(await all.secrets.refs()).toHaveLength(3);
});
