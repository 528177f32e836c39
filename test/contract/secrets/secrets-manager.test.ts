import { randomUUID } from 'node:crypto';
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  PutSecretValueCommand,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TAGS } from '#shared/names.ts';
import { createSecretsManagerClient } from '#shared/secrets/secrets-manager.ts';
import { SecretsManagerReferences } from '#shared/secrets/secrets-manager-references.ts';
import { SecretsManagerStore } from '#shared/secrets/secrets-manager-store.ts';
import { CorruptItemError, StoreUnavailableError } from '#shared/store/task-store.ts';
import { type Ministack, startMinistack } from '../../support/aws/ministack.ts';
import { describeSecretStore } from '../kits/secret-store.ts';

let ministack: Ministack;
let client: SecretsManagerClient;
beforeAll(async () => {
  ministack = await startMinistack();
  client = createSecretsManagerClient(ministack.clientConfig);
});
afterAll(() => ministack.stop());

/** A stack that nobody else uses. */
function newStore() {
  const stack = `stack-${randomUUID().slice(0, 8)}`;
  return { stack, store: new SecretsManagerStore({ client, stack }) };
}

describeSecretStore('SecretsManagerStore', async () => {
  const { stack, store } = newStore();
  const other = new SecretsManagerStore({
    client: createSecretsManagerClient(ministack.clientConfig),
    stack,
  });
  return { store, other, close: async () => {} };
});

describe('a secret in Secrets Manager', () => {
  test('is known by its ARN, and carries the names of stack and life', async () => {
    const { stack, store } = newStore();
    const arn = await store.put('life-1', { token: 't' });
    expect(arn).toContain(`:secret:${stack}/target-life-1-`);
    const { Name, Tags } = await client.send(new DescribeSecretCommand({ SecretId: arn }));
    expect(Name).toBe(`${stack}/target-life-1`);
    expect(Tags).toEqual([
      { Key: TAGS.stack, Value: stack },
      { Key: TAGS.incarnation, Value: 'life-1' },
    ]);
  });

  test('that is deleted is gone for good: its name is free', async () => {
    const { store } = newStore();
    await store.delete(await store.put('life', { token: 'a' }));
    expect(await store.get(await store.put('life', { token: 'b' }))).toEqual({ token: 'b' });
  });

  test('that somebody damaged fails by name and without its content', async () => {
    const { store } = newStore();
    const ref = await store.put('life', { token: 'a' });
    await client.send(new PutSecretValueCommand({ SecretId: ref, SecretString: 'hidden' }));
    const failure = await store.get(ref).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CorruptItemError);
    expect(String(failure)).toContain(ref);
    expect(String(failure)).not.toContain('hidden');
  });

  test('is listed with its life and age, those of others are not', async () => {
    const { stack, store } = newStore();
    const before = Date.now() - 60_000;
    const refs = [await store.put('1', { token: 'a' }), await store.put('2', { token: 'b' })];
    await new SecretsManagerStore({ client, stack: `${stack}-b` }).put('3', { token: 'c' });
    const Name = `${stack}/target-4`;
    await client.send(new CreateSecretCommand({ Name, SecretString: 'of nobody' }));
    const listed = await store.list(10);
    expect(listed.map(({ ref, incarnation }) => ({ ref, incarnation }))).toEqual([
      { ref: refs[0], incarnation: '1' },
      { ref: refs[1], incarnation: '2' },
    ]);
    for (const { createdAt } of listed) expect(createdAt).toBeGreaterThan(before);
    expect(await store.list(1)).toHaveLength(1);
  });

  test('cannot be reached while Secrets Manager is away, which is told within seconds', async () => {
    const endpoint = 'http://127.0.0.1:1';
    const away = createSecretsManagerClient({ ...ministack.clientConfig, endpoint });
    const store = new SecretsManagerStore({ client: away, stack: 's' });
    const calls = [
      () => store.put('l', { token: 't' }),
      () => store.get('r'),
      () => store.delete('r'),
      () => store.list(1),
    ];
    for (const call of calls) {
      const failure = await call().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(StoreUnavailableError);
      expect(String(failure)).toContain('Secrets Manager cannot be used: Error: connect ECONNREFUSED');
    }
  });
});

describe('a secret that a user keeps', () => {
  const stack = 'mine';
  const references = () => new SecretsManagerReferences({ client, stack });

  async function secret(value: string, owner: string | null = stack): Promise<string> {
    const tags = owner === null ? [] : [{ Key: TAGS.stack, Value: owner }];
    const command = new CreateSecretCommand({ Name: randomUUID(), SecretString: value, Tags: tags });
    return (await client.send(command)).ARN ?? '';
  }

  test('is read when it carries the tag of the stack', async () => {
    expect(await references().resolve(await secret('root:x'))).toBe('root:x');
  });

  test('is read in part, and in an older version, as ECS reads it', async () => {
    const arn = await secret('{"login": "root:1"}');
    await client.send(new PutSecretValueCommand({ SecretId: arn, SecretString: '{"login": "root:2"}' }));
    expect(await references().resolve(`${arn}:login::`)).toBe('root:2');
    expect(await references().resolve(`${arn}:login:AWSPREVIOUS:`)).toBe('root:1');
    expect(await references().resolve(`${arn}:::`)).toBe('{"login": "root:2"}');
  });

  test.each([null, 'other'])('is refused with the tag %s, and the tag to put is told', async (owner) => {
    await expect(references().resolve(await secret('hidden', owner))).rejects.toMatchObject({
      name: 'SecretReferenceError',
      message: expect.stringMatching(/put the tag milvus-cdc:stack with the value mine on it/),
    });
  });

  test('that lacks the member is refused without telling what it holds', async () => {
    const json = await secret('{"a": "hidden", "n": 1}');
    const text = await secret('hidden');
    const cases = [
      [`${json}:b::`, 'the secret has no text under the JSON key b'],
      [`${json}:toString::`, 'the secret has no text under the JSON key toString'],
      [`${json}:n::`, 'the secret has no text under the JSON key n'],
      [`${text}:a::`, 'the secret is not JSON, so it has no members to choose from'],
    ] as const;
    for (const [reference, message] of cases) {
      await expect(references().resolve(reference)).rejects.toMatchObject({
        name: 'SecretReferenceError',
        message,
      });
    }
  });

  test('that is not there is refused', async () => {
    const arn = `arn:aws:secretsmanager:${ministack.region}:${ministack.accountId}:secret:none-a1B2c3`;
    await expect(references().resolve(arn)).rejects.toThrow('there is no such secret');
  });

  test.each(['arn:aws:secretsmanager:eu-central-1:123456789012:secret:short', 'arn:aws:secretsmanager:x'])(
    'has to be named by its whole ARN, not by %s',
    async (reference) => {
      await expect(references().resolve(reference)).rejects.toThrow('it is not the whole ARN of a secret');
    },
  );
});
