import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteSecretStore } from '#shared/secrets/sqlite-secret-store.ts';
import { SqliteTaskStore } from '#shared/store/sqlite/sqlite-task-store.ts';
import { MemorySecretStore } from '../../support/fakes/memory-secret-store.ts';
import { MemoryTaskStore } from '../../support/fakes/memory-task-store.ts';
import type { MakeStores } from './world.ts';

export const memoryStores: MakeStores = async (now) => {
  const tasks = new MemoryTaskStore({ now });
  return { tasks, secrets: new MemorySecretStore(), close: () => tasks.close() };
};

export const sqliteStores: MakeStores = async (now) => {
  const folder = await mkdtemp(join(tmpdir(), 'cdc-api-'));
  const file = join(folder, 'tasks.sqlite');
  const tasks = new SqliteTaskStore({ file, now });
  const secrets = new SqliteSecretStore({ file });
  return {
    tasks,
    secrets,
    close: async () => {
      await tasks.close();
      await secrets.close();
      await rm(folder, { recursive: true });
    },
  };
};
