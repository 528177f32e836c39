import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SecretStore } from '#shared/secrets/secret-store.ts';

export interface SecretStoreHarness {
  readonly store: SecretStore;
  /** Another way to the same data, as another process would have it. */
  readonly other: SecretStore;
  close(): Promise<void>;
}

/** What every {@link SecretStore} promises. */
export function describeSecretStore(name: string, make: () => Promise<SecretStoreHarness>): void {
  describe(`${name} as a secret store`, () => {
    let harness: SecretStoreHarness;
    beforeAll(async () => {
      harness = await make();
    });
    afterAll(() => harness.close());

    test('a secret is read as it was put, also by another process', async () => {
      const ref = await harness.store.put(randomUUID(), { token: 'root:pass:wörd\n', clientKeyPem: 'pem' });
      expect(await harness.store.get(ref)).toEqual({ token: 'root:pass:wörd\n', clientKeyPem: 'pem' });
      expect(await harness.other.get(ref)).toEqual({ token: 'root:pass:wörd\n', clientKeyPem: 'pem' });
    });

    test('a secret without a key has none when read', async () => {
      const ref = await harness.store.put(randomUUID(), { token: '' });
      expect(await harness.store.get(ref)).toEqual({ token: '' });
    });

    test('what is unknown is undefined', async () => {
      expect(await harness.store.get(randomUUID())).toBeUndefined();
    });

    test('a second put of the same life replaces the first and is known by the same', async () => {
      const incarnation = randomUUID();
      const ref = await harness.store.put(incarnation, { token: 'a', clientKeyPem: 'pem' });
      expect(await harness.store.put(incarnation, { token: 'b' })).toBe(ref);
      expect(await harness.store.get(ref)).toEqual({ token: 'b' });
    });

    test('a delete takes one secret and may be repeated', async () => {
      const gone = await harness.store.put(randomUUID(), { token: 'a' });
      const kept = await harness.store.put(randomUUID(), { token: 'b' });
      await harness.store.delete(gone);
      await harness.store.delete(gone);
      expect(await harness.store.get(gone)).toBeUndefined();
      expect(await harness.other.get(kept)).toEqual({ token: 'b' });
    });
  });
}
