import type { SecretStore, TargetSecret } from '#shared/secrets/secret-store.ts';

/** A secret store in memory, for tests; it passes the contract kit. */
export class MemorySecretStore implements SecretStore {
  readonly secrets = new Map<string, TargetSecret>();

  async put(incarnation: string, secret: TargetSecret): Promise<string> {
    this.secrets.set(incarnation, { ...secret });
    return incarnation;
  }

  async get(ref: string): Promise<TargetSecret | undefined> {
    const secret = this.secrets.get(ref);
    return secret && { ...secret };
  }

  async delete(ref: string): Promise<void> {
    this.secrets.delete(ref);
  }
}
