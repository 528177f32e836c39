import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { NewerItemError, StoreUnavailableError } from '../task-store.ts';
import { MIGRATIONS } from './schema.ts';
import { isBusy, toStoreError } from './sqlite-errors.ts';

/** One row, by column. */
export type Row = Readonly<Record<string, SQLOutputValue>>;

/** How long SQLite itself waits for another process's write; it blocks the event loop, so it is short, and whoever
 *  still finds the file busy waits outside of SQLite. */
const BLOCK_MS = 20;
/** How long a call waits for the file altogether. */
const GIVE_UP_MS = 5_000;
/** How long opening may block: it happens once, before anything runs. */
const OPEN_MS = 5_000;

/** A connection to the file that holds the state of all tasks on one machine. Several processes have it open at once:
 *  the control plane and each replicator. A commit is on the disk when it returns (WAL, `synchronous=FULL`).
 *  The file is its owner's only (it holds secrets); a folder that this makes is too. */
export class SqliteFile {
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, ReturnType<DatabaseSync['prepare']>>();

  constructor(file: string) {
    try {
      protect(file);
      this.#db = new DatabaseSync(file, { timeout: OPEN_MS });
    } catch (error) {
      throw toStoreError(error);
    }
    try {
      this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
      migrate(this.#db);
      this.#db.exec(`PRAGMA busy_timeout = ${BLOCK_MS}`);
    } catch (error) {
      this.#db.close();
      throw toStoreError(error);
    }
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values);
  }

  first(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values);
  }

  /** Answers how many rows were changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  /** Runs `work` (reads, or a single write) until the file is not busy; fails with {@link StoreUnavailableError}
   *  after a few seconds. Our own errors pass through. */
  async attempt<T>(work: () => T): Promise<T> {
    const giveUpAt = performance.now() + GIVE_UP_MS;
    for (;;) {
      try {
        return work();
      } catch (error) {
        if (!isBusy(error)) throw toStoreError(error);
        if (performance.now() > giveUpAt)
          throw new StoreUnavailableError('the store is busy', { cause: error });
      }
      await sleep(5 + Math.random() * 30);
    }
  }

  /** Runs `work` as one transaction that has the write lock from its start, so what it reads stays so. */
  transaction<T>(work: () => T): Promise<T> {
    return this.attempt(() => {
      this.#db.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        this.#db.exec('COMMIT');
        return result;
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #statement(sql: string): ReturnType<DatabaseSync['prepare']> {
    if (!this.#db.isOpen) throw new StoreUnavailableError('the store is closed');
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }
}

/** SQLite gives its side files (`-wal`, `-shm`) the mode of the file itself. */
function protect(file: string): void {
  const folder = dirname(file);
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 });
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
}

function migrate(db: DatabaseSync): void {
  if (schemaVersion(db) === MIGRATIONS.length) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    // Another process may have done it while this one waited for the lock.
    const done = schemaVersion(db);
    if (done > MIGRATIONS.length) {
      throw new NewerItemError(
        `the state was written by a newer release (schema ${done}, this one knows ${MIGRATIONS.length}); ` +
          'go back to that release or to a later one',
      );
    }
    for (const step of MIGRATIONS.slice(done)) db.exec(step);
    db.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

function schemaVersion(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.['user_version']);
}
