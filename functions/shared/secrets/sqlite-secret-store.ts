import { SqliteFile } from '../store/sqlite/sqlite-file.ts';
import type { SecretStore, TargetSecret } from './secret-store.ts';
import { formatTargetSecret, parseTargetSecret } from './target-secret.ts';

/** The {@link SecretStore} of one machine: a table of the file that holds the tasks, readable by its owner only.
 *  Not encrypted: whoever reads the owner's files could read a key beside it as well. */
export class SqliteSecretStore implements SecretStore {
  readonly #file: SqliteFile;

  constructor(options: { readonly file: string }) {
    this.#file = new SqliteFile(options.file);
  }

  put(incarnation: string, secret: TargetSecret): Promise<string> {
    return this.#file.attempt(() => {
      const ref = `target-${incarnation}`;
      const body = formatTargetSecret(secret);
      this.#file.run('INSERT OR REPLACE INTO secrets (ref, body) VALUES (?, ?)', ref, body);
      return ref;
    });
  }

  get(ref: string): Promise<TargetSecret | undefined> {
    return this.#file.attempt(() => {
      const row = this.#file.first('SELECT body FROM secrets WHERE ref = ?', ref);
      return row && parseTargetSecret(String(row['body']), `secret ${ref}`);
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
