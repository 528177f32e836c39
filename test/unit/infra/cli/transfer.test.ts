import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packPositions } from '#shared/task/positions.ts';
import type { World } from '../../../contract/api/world.ts';
import { sampleObject } from '../../../support/fakes/task-samples.ts';
import { Caller, serveWorld } from './cdc-world.ts';

const TARGET = { uri: 'http://t:19530' };
const VCHANNEL = 'dml_0_449123456789012345v0';
/** Not at the start of its millisecond: of a position nothing may be lost. */
const TICK = (1_700_000_000_000n << 18n) + 77n;

/** Somebody with a file of all tasks of a stack. */
async function exported(from: { readonly url: string }, caller: Caller) {
  const ended = await caller.call('export', '--file', 'tasks.json', '--url', from.url);
  expect(ended).toMatchObject({ code: 0, out: '' });
  return { err: ended.err, file: JSON.parse(readFileSync(join(caller.folder, 'tasks.json'), 'utf8')) };
}

/** A wildcard task that has come as far as {@link TICK}. */
async function running(world: World): Promise<void> {
  await world.create({ task_id: 'all', collection_infos: [{ name: '*' }] });
  const source = { database: 'default', name: 'books', channels: ['dml_0'] };
  await world.fleet.putObject(
    'all',
    sampleObject({ id: 'all', incarnation: '' }, { collectionId: '449123456789012345', source }),
  );
  const place = { logTag: '00112233445566ff', offset: 9n, tick: TICK, horizon: TICK };
  const channels = packPositions([
    { ...place, channel: 'dml_0' },
    { ...place, channel: 'by-dev-replicate-msg' },
  ]);
  await world.fleet.renewAll({ channels, watermark: TICK.toString() });
}

test('a task goes on elsewhere exactly where it stood, also a wildcard', async () => {
  await using from = await serveWorld();
  await using to = await serveWorld();
  using caller = new Caller();
  await running(from.world);
  const { file } = await exported(from, caller);
  expect(file.tasks[0].collections).toEqual(['default.books']);
  const ended = await caller.call('import', '--file', 'tasks.json', '--url', to.url);
  expect(ended).toMatchObject({ code: 0, out: 'all: created, goes on where it stood\n' });
  expect(await to.world.tasks.getTask('all')).toMatchObject({
    desired: 'Running',
    startPositions: [{ vchannel: VCHANNEL, offset: '9', timestamp: TICK.toString() }],
  });
});

test('everything that makes a task comes along, but for credentials, which the import is given', async () => {
  await using from = await serveWorld();
  await using to = await serveWorld();
  using caller = new Caller();
  const request = {
    task_id: 'a=b',
    milvus_connect_param: {
      uri: 'http://root:Milvus@t:19530/db',
      dial_config: { ca_pem_path: '/pem/ca' },
      connect_timeout: 7,
      ignore_partition: true,
    },
    db_collections: { shop: [{ name: 'orders', use_start_position: true }], logs: [{ name: '*' }] },
    name_mapping: [{ source_db: 'shop', target_db: 'copy', collection_mapping: { orders: 'orders_2' } }],
    extra_info: { enable_user_role: true },
    disable_auto_start: true,
  };
  expect(await from.world.call('create', request)).toMatchObject({ code: 200 });
  const { file, err } = await exported(from, caller);
  expect(JSON.stringify(file)).not.toContain('root');
  expect(err).toContain('need their login at the import: a=b\n');
  expect(err).toContain('a=b: no position is known');
  expect(err).toContain('a=b: its ca_pem_path have to be there for the other control plane too');

  const args = ['import', '--file', 'tasks.json', '--url', to.url];
  expect(await caller.call(...args)).toMatchObject({
    code: 1,
    out: expect.stringContaining('a=b: left out: it needs its login: --token-for ID=env:NAME\n'),
  });
  caller.env = { LOGIN: 'root:other' };
  expect(await caller.call(...args, '--token-for', 'a=b=env:LOGIN')).toMatchObject({ code: 0 });
  const [before, after] = await Promise.all([from, to].map(({ world }) => world.tasks.getTask('a=b')));
  const same = ({ createdAt: _, incarnation: __, secretRef: ___, request: ____, ...task } = after!) => task;
  expect(same(after)).toEqual(same(before));
  expect(after?.request).toEqual({
    ...before?.request,
    milvus_connect_param: {
      ...Object(before?.request['milvus_connect_param']),
      uri: 'http://t:19530/db',
    },
  });
  expect(await to.world.secrets.get(after?.secretRef ?? '')).toMatchObject({ token: 'root:other' });
});

test('paused tasks stay paused, and all of them on demand', async () => {
  await using from = await serveWorld();
  await using to = await serveWorld();
  await using paused = await serveWorld();
  using caller = new Caller();
  for (const name of ['runs', 'rests'])
    await from.world.create({ task_id: name, collection_infos: [{ name }] });
  await from.world.call('pause', { task_id: 'rests' });
  await exported(from, caller);
  const states = async (world: World) => (await world.tasks.listTasks()).map(({ desired }) => desired);
  expect(await caller.call('import', '--file', 'tasks.json', '--url', to.url)).toMatchObject({ code: 0 });
  expect(await states(to.world)).toEqual(['Paused', 'Running']);
  const args = ['import', '--file', 'tasks.json', '--url', paused.url, '--paused'];
  expect(await caller.call(...args)).toMatchObject({ code: 0 });
  expect(await states(paused.world)).toEqual(['Paused', 'Paused']);
});

test('an import can be repeated: what exists is left as it is, and what differs is said', async () => {
  await using from = await serveWorld();
  await using to = await serveWorld();
  using caller = new Caller();
  for (const name of ['a', 'b']) await from.world.create({ task_id: name, collection_infos: [{ name }] });
  await exported(from, caller);
  await to.world.create({
    milvus_connect_param: { uri: 'http://elsewhere:1' },
    task_id: 'b',
    collection_infos: [{ name: 'other' }],
  });
  await to.world.call('pause', { task_id: 'b' });
  const args = ['import', '--file', 'tasks.json', '--url', to.url];
  const first = await caller.call(...args);
  expect(first.code).toBe(0);
  expect(first.out).toContain(
    'b: exists and is left as it is; its target is http://elsewhere:1, it is Paused, not Running\n',
  );
  expect(first.err).toMatch(/1 created, 1 exist, 0 left out\n$/);
  expect((await caller.call(...args)).err).toMatch(/0 created, 2 exist, 0 left out\n$/);
});

test('one task that cannot be created keeps no other from it', async () => {
  await using from = await serveWorld();
  await using to = await serveWorld();
  using caller = new Caller();
  for (const name of ['a', 'b']) await from.world.create({ task_id: name, collection_infos: [{ name }] });
  await exported(from, caller);
  await to.world.create({ task_id: 'taken', collection_infos: [{ name: 'a' }] });
  const ended = await caller.call('import', '--file', 'tasks.json', '--url', to.url);
  expect(ended.code).toBe(1);
  expect(ended.out).toContain(
    'a: left out: fail to handle the create request, error: the collection name is dup',
  );
  expect(ended.err).toMatch(/1 created, 0 exist, 1 left out\n$/);
});

test('what one task leaves to others is created after them, whatever they are called', async () => {
  await using from = await serveWorld();
  await using to = await serveWorld();
  using caller = new Caller();
  await from.world.create({ task_id: 'z', collection_infos: [{ name: 'foo' }] });
  await from.world.create({ task_id: 'y', collection_infos: [{ name: '*' }] });
  await from.world.create({ task_id: 'x', db_collections: { '*': [{ name: '*' }] } });
  const scopes = async (world: World) =>
    (await world.tasks.listTasks()).map(({ id, scope }) => ({ id, scope }));
  await exported(from, caller);
  expect(await caller.call('import', '--file', 'tasks.json', '--url', to.url)).toMatchObject({ code: 0 });
  expect(await scopes(to.world)).toEqual(await scopes(from.world));
});

test('positions are not used at another target: it does not hold the rows', async () => {
  await using from = await serveWorld();
  await using to = await serveWorld();
  using caller = new Caller();
  await running(from.world);
  const { file } = await exported(from, caller);
  file.tasks[0].create.milvus_connect_param.uri = 'http://new:1';
  writeFileSync(join(caller.folder, 'tasks.json'), JSON.stringify(file));
  const args = ['import', '--file', 'tasks.json', '--url', to.url];
  const refused = await caller.call(...args);
  expect(refused.code).toBe(1);
  expect(refused.out).toContain('all: left out: its positions are those of http://t:19530');
  expect(await caller.call(...args, '--without-positions')).toMatchObject({ code: 0, out: 'all: created\n' });
  expect((await to.world.tasks.getTask('all'))?.startPositions).toEqual([]);
});

test('a dry run of an import stores nothing and names what the source no longer has', async () => {
  await using from = await serveWorld();
  await using to = await serveWorld();
  using caller = new Caller();
  await running(from.world);
  await exported(from, caller);
  const ended = await caller.call('import', '--file', 'tasks.json', '--url', to.url, '--dry-run');
  expect(ended.code).toBe(0);
  expect(ended.out).toContain('all: the task would be created; nothing was stored\n');
  expect(ended.out).toContain(
    'warning: the source no longer has default.books: what the target holds of it stays there, drop it by hand\n',
  );
  expect(ended.err).toMatch(/1 could be created, 0 exist, 0 left out\n$/);
  expect(await to.world.tasks.listTaskIds()).toEqual([]);
});

test('an API that hides what makes a task is not exported from: mappings would be lost', async () => {
  await using from = await serveWorld();
  using caller = new Caller();
  from.world.settings = { ...from.world.settings, showStatus: false };
  await from.world.create({ milvus_connect_param: TARGET, task_id: 'a', collection_infos: [{ name: '*' }] });
  const ended = await caller.call('export', '--file', 'tasks.json', '--url', from.url);
  expect(ended.code).toBe(78);
  expect(ended.err).toContain('let it show status: api.showStatus');
  expect(readdirSync(caller.folder)).toEqual([]);
});

test.each([
  ['{', 'tasks.json is not JSON'],
  ['{"format":"milvus-cdc-tasks/2"}', 'tasks.json is not what export writes: format: '],
])('a file %s is refused', async (text, sentence) => {
  using caller = new Caller();
  writeFileSync(join(caller.folder, 'tasks.json'), text);
  const ended = await caller.call('import', '--file', 'tasks.json');
  expect(ended.code).toBe(78);
  expect(ended.err).toContain(sentence);
});

test('a login for a task that the file does not have is refused: it would be a misspelt id', async () => {
  await using from = await serveWorld();
  using caller = new Caller();
  await from.world.create({ task_id: 'a', collection_infos: [{ name: '*' }] });
  await exported(from, caller);
  const args = ['import', '--file', 'tasks.json', '--url', from.url, '--token-for', 'aa=env:X'];
  expect((await caller.call(...args)).err).toBe('--token-for aa: the file has no such task\n');
});
