import { DatabaseSync } from 'node:sqlite';
import { waitUntil } from '../wait-until.ts';

/** Runs the work while no other process runs any under the same lock file. The lock is SQLite's file lock: the kernel drops
 *  it when its holder dies, so there is no stale lock to break. */
export async function withLock<T>(file: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    const take = async () => {
      database.exec('BEGIN EXCLUSIVE');
      return true;
    };
    await waitUntil(take, { what: `the lock ${file} is free`, timeoutMs });
    return await work();
  } finally {
    database.close();
  }
}
