import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Another control plane works on the same data directory. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
}

/** Holds a data directory for one control plane. The lock is one of the operating system's, taken through SQLite because
 *  Node has none of its own: it ends with the process, however that ends, so it is never stale. The file beside it
 *  only says who holds it. */
export class ControlPlaneLock {
  readonly #db: DatabaseSync;

  /** Fails with {@link LockedError}. */
  constructor(dataDir: string) {
    const holder = join(dataDir, 'control-plane.pid');
    const file = join(dataDir, 'control-plane.lock');
    // Whoever may read the file could lock it as well.
    closeSync(openSync(file, 'a', 0o600));
    this.#db = new DatabaseSync(file, { timeout: 0 });
    try {
      this.#db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    } catch (cause) {
      this.#db.close();
      throw new LockedError(`another control plane${pidIn(holder)} works on ${dataDir}`, { cause });
    }
    writeFileSync(holder, `${process.pid}\n`, { mode: 0o600 });
  }

  release(): void {
    if (this.#db.isOpen) this.#db.close();
  }
}

function pidIn(file: string): string {
  try {
    return ` (process ${readFileSync(file, 'utf8').trim()})`;
  } catch {
    return '';
  }
}
