import { DatabaseSync } from 'node:sqlite';
import { StopWaiting, waitUntil } from '../wait-until.ts';
import { progress } from './tools.ts';

const LOCK_TIMEOUT_MS = 20 * 60_000;
const SQLITE_BUSY = 5;

/** Runs the work while no other process runs any under the same lock file. The lock is SQLite's file lock: the kernel drops
 *  it when its holder dies, so there is no stale lock to break. */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    if (!tryLock(database)) {
      progress(`waiting for another process that holds ${file}`);
      const what = `the lock ${file} is free`;
      await waitUntil(async () => tryLock(database), { what, timeoutMs: LOCK_TIMEOUT_MS });
    }
    return await work();
  } finally {
    database.close();
  }
}

function tryLock(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return false;
    throw new StopWaiting(`cannot lock: ${(error as Error).message}`, { cause: error });
  }
}
