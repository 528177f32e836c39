import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { SqliteSecretStore } from '#shared/secrets/sqlite-secret-store.ts';
import { SqliteTaskStore } from '#shared/store/sqlite/sqlite-task-store.ts';
import { CorruptItemError } from '#shared/store/task-store.ts';
import { MemorySecretStore } from '../../support/fakes/memory-secret-store.ts';
import { sampleTask } from '../../support/fakes/task-samples.ts';
import { describeSecretStore } from '../kits/secret-store.ts';

describeSecretStore('MemorySecretStore', async () => {
  const store = new MemorySecretStore();
  return { store, other: store, close: async () => {} };
});

describeSecretStore('SqliteSecretStore', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cdc-secrets-'));
  const file = join(folder, 'state.db');
  const store = new SqliteSecretStore({ file });
  const other = new SqliteSecretStore({ file });
  return {
    store,
    other,
    async close() {
      await store.close();
      await other.close();
      rmSync(folder, { recursive: true });
    },
  };
});

test('secrets live in the file of the tasks, which only its owner reads', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cdc-secrets-'));
  const file = join(folder, 'state.db');
  // A file that was left readable by a careless copy is closed again.
  writeFileSync(file, '', { mode: 0o644 });
  const tasks = new SqliteTaskStore({ file });
  const secrets = new SqliteSecretStore({ file });
  await tasks.createTask(sampleTask(), { maxTasks: 1, seen: 0 });
  await secrets.put('ref', { token: 'hidden' });
  for (const path of [file, `${file}-wal`, `${file}-shm`]) expect(statSync(path).mode & 0o077).toBe(0);
  await tasks.close();
  await secrets.close();
  expect(readFileSync(file).includes('hidden')).toBe(true);
  rmSync(folder, { recursive: true });
});

test('a damaged secret fails by name and without its content', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cdc-secrets-'));
  const file = join(folder, 'state.db');
  const secrets = new SqliteSecretStore({ file });
  const ref = await secrets.put('life', { token: 'hidden' });
  const db = new DatabaseSync(file);
  for (const body of ['{"secret":"hidden"}', 'hidden']) {
    db.prepare('UPDATE secrets SET body = ?').run(body);
    const failure = await secrets.get(ref).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CorruptItemError);
    expect(String(failure)).toContain(`secret ${ref}`);
    expect(String(failure)).not.toContain('hidden');
  }
  db.close();
  await secrets.close();
  rmSync(folder, { recursive: true });
});
