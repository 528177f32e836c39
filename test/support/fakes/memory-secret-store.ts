import type { SecretStore, TargetSecret } from '#shared/secrets/secret-store.ts';

/** A secret store in memory, for tests; it passes the contract kit. */
export class MemorySecretStore implements SecretStore {
  readonly secrets = new Map<string, TargetSecret>();

  async put(ref: string, secret: TargetSecret): Promise<void> {
    this.secrets.set(ref, { ...secret });
  }

  async get(ref: string): Promise<TargetSecret | undefined> {
    const secret = this.secrets.get(ref);
    return secret && { ...secret };
  }

  async delete(ref: string): Promise<void> {
    this.secrets.delete(ref);
  }
}
