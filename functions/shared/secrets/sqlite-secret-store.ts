import { z } from 'zod';
import { parseJson } from '../store/parse-item.ts';
import { SqliteFile } from '../store/sqlite/sqlite-file.ts';
import { CorruptItemError } from '../store/task-store.ts';
import type { SecretStore, TargetSecret } from './secret-store.ts';

/** The {@link SecretStore} of one machine: a table of the file that holds the tasks, readable by its owner only.
 *  Not encrypted: whoever reads the owner's files could read a key beside it as well. */
export class SqliteSecretStore implements SecretStore {
  readonly #file: SqliteFile;

  constructor(options: { readonly file: string }) {
    this.#file = new SqliteFile(options.file);
  }

  put(ref: string, secret: TargetSecret): Promise<void> {
    return this.#file.attempt(() => {
      const body = JSON.stringify(secretSchema.parse(secret));
      this.#file.run('INSERT OR REPLACE INTO secrets (ref, body) VALUES (?, ?)', ref, body);
    });
  }

  get(ref: string): Promise<TargetSecret | undefined> {
    return this.#file.attempt(() => {
      const row = this.#file.first('SELECT body FROM secrets WHERE ref = ?', ref);
      if (row === undefined) return undefined;
      const parsed = secretSchema.safeParse(parseJson(String(row['body']), `secret ${ref}`));
      if (!parsed.success) throw new CorruptItemError(`secret ${ref} cannot be read`);
      return parsed.data;
    });
  }

  delete(ref: string): Promise<void> {
    return this.#file.attempt(() => {
      this.#file.run('DELETE FROM secrets WHERE ref = ?', ref);
    });
  }

  /** The names of all that is stored. */
  refs(): Promise<readonly string[]> {
    return this.#file.attempt(() =>
      this.#file.all('SELECT ref FROM secrets ORDER BY ref').map((row) => String(row['ref'])),
    );
  }

  async close(): Promise<void> {
    this.#file.close();
  }
}

const secretSchema = z.object({ token: z.string(), clientKeyPem: z.string().optional() });
