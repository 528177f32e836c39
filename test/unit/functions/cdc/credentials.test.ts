import { expect, test } from 'vitest';
import { SecretReferenceError } from '#shared/secrets/secret-references.ts';
import { StoreUnavailableError } from '#shared/store/task-store.ts';
import { memoryStores } from '../../../contract/api/stores.ts';
import { createError, World } from '../../../contract/api/world.ts';

const ARN = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:mine-a1B2c3';
const KEY = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:key-a1B2c3:pem::';

/** A world on AWS, where those secrets may be read. */
async function onAws(secrets: Readonly<Record<string, string>>): Promise<World & { asked: string[] }> {
  const world = await World.open(memoryStores);
  const asked: string[] = [];
  world.secretReferences = {
    resolve: async (reference) => {
      asked.push(reference);
      const value = secrets[reference];
      if (value === undefined) throw new SecretReferenceError('there is no such secret');
      return value;
    },
  };
  return Object.assign(world, { asked });
}

function create(world: World, param: object) {
  return world.call('create', {
    task_id: 't',
    milvus_connect_param: { uri: 'https://t:19530', ...param },
    collection_infos: [{ name: 'foo' }],
  });
}

test('a token that is a secret of the user is checked by its value and kept as its reference', async () => {
  const world = await onAws({ [ARN]: 'root:hidden' });
  expect(await create(world, { token: ARN })).toEqual({ code: 200, data: { task_id: 't' } });
  expect(world.probe.checked[0]?.secret).toMatchObject({ token: 'root:hidden' });
  const task = await world.tasks.getTask('t');
  expect(task).toMatchObject({ userSecrets: { token: ARN } });
  expect(task?.secretRef).toBeUndefined();
  const shown = JSON.stringify([task, await world.get('t'), await world.call('list'), world.logged]);
  expect(shown).not.toContain('hidden');
  expect(JSON.stringify(await world.get('t'))).not.toContain(ARN);
});

test('a password that is a secret of the user is put behind the name that is stored', async () => {
  const world = await onAws({ [ARN]: 'hidden' });
  await create(world, { username: 'root', password: ARN });
  expect(world.probe.checked[0]?.secret).toMatchObject({ token: 'root:hidden' });
  const task = await world.tasks.getTask('t');
  expect(task?.userSecrets).toEqual({ password: ARN });
  expect(await world.secrets.get(task?.secretRef ?? '')).toEqual({ token: 'root:' });
});

test('a key that is a secret of the user goes with a token that is not', async () => {
  const pem = '-----BEGIN KEY-----';
  const world = await onAws({ [KEY]: pem, [ARN]: '-----BEGIN CA-----' });
  const dial = { ca_pem_path: ARN, client_pem_path: ARN, client_key_path: KEY };
  await create(world, { token: 'root:x', dial_config: dial });
  expect(world.probe.checked[0]?.secret).toEqual({ token: 'root:x', clientKeyPem: pem });
  const task = await world.tasks.getTask('t');
  expect(task?.userSecrets).toEqual({ clientKeyPem: KEY });
  expect(task?.target.tls).toEqual({ caPem: '-----BEGIN CA-----', clientCertPem: '-----BEGIN CA-----' });
  expect(await world.secrets.get(task?.secretRef ?? '')).toEqual({ token: 'root:x' });
  expect(JSON.stringify(task)).not.toContain(pem);
});

test('a secret that does not count is not read', async () => {
  const world = await onAws({});
  expect(await create(world, { token: 'root:x', username: 'u', password: ARN })).toMatchObject({ code: 200 });
  expect(world.asked).toEqual([]);
  expect((await world.tasks.getTask('t'))?.userSecrets).toBeUndefined();
});

test.each([
  [{ token: ARN }, 'milvus_connect_param.token'],
  [{ username: 'root', password: ARN }, 'milvus_connect_param.password'],
  [{ dial_config: { ca_pem_path: ARN } }, 'dial_config.ca_pem_path'],
])('%j that may not be read is refused and says which member it is', async (param, member) => {
  const world = await onAws({});
  const refused = createError(400, `${member} cannot be used: there is no such secret`);
  expect(await create(world, param)).toEqual(refused);
  expect(await world.tasks.listTasks()).toEqual([]);
});

test('a PEM secret that holds something else is refused without telling what', async () => {
  const world = await onAws({ [ARN]: 'hidden' });
  expect(await create(world, { dial_config: { ca_pem_path: ARN } })).toEqual(
    createError(400, 'dial_config.ca_pem_path cannot be used: the secret holds no PEM text'),
  );
});

test('Secrets Manager that is away is not the fault of the caller', async () => {
  const world = await World.open(memoryStores);
  world.secretReferences = { resolve: () => Promise.reject(new StoreUnavailableError('it is away')) };
  expect(await create(world, { token: ARN })).toEqual(
    createError(500, 'milvus_connect_param.token cannot be used: it is away'),
  );
});

test('on one machine the ARN of a secret is refused with a sentence', async () => {
  const world = await World.open(memoryStores);
  expect(await create(world, { token: ARN })).toEqual(
    createError(
      400,
      'milvus_connect_param.token cannot be used: secrets of Secrets Manager can be named on AWS only; give what the secret holds',
    ),
  );
});
