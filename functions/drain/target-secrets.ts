import type { SecretsManagerStore } from '#shared/secrets/secrets-manager-store.ts';
import type { Leftovers } from './ports.ts';

/** Far more than a stack has tasks. */
const LIMIT = 10_000;

/** The credentials of targets that creates brought along. Secrets of users carry the same tag, under names of their own,
 *  and stay. */
export class TargetSecrets implements Leftovers {
  readonly name = 'secrets';
  readonly #store: SecretsManagerStore;

  constructor(store: SecretsManagerStore) {
    this.#store = store;
  }

  async list(): Promise<readonly string[]> {
    return (await this.#store.list(LIMIT)).map(({ ref }) => ref);
  }

  remove(ref: string): Promise<void> {
    return this.#store.delete(ref);
  }
}
