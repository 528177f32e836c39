import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sampleObject } from '../../../support/fakes/task-samples.ts';
import { Caller, close, listen, neverStops, serveWorld } from './cdc-world.ts';

const TARGET = 'http://t:19530';

test('a task is created, shown, paused, resumed and deleted', async () => {
  await using server = await serveWorld();
  using caller = new Caller();
  caller.env = { CDC_URL: server.url };
  const create = ['create', '--target', TARGET, '--collection', 'shop.orders', '--id', 'orders'];
  expect(await caller.call(...create)).toEqual({ code: 0, out: 'task orders\n', err: '' });
  expect((await caller.call('list')).out).toBe(
    [
      'TASK    STATE    PHASE      LAG      TARGET          COLLECTIONS',
      'orders  Running  streaming  unknown  http://t:19530  shop.orders',
      '',
    ].join('\n'),
  );
  expect(await caller.call('pause', 'orders')).toEqual({ code: 0, out: 'orders is paused\n', err: '' });
  expect((await caller.call('list')).out).toContain('orders: manually pause through http interface');
  expect(await caller.call('resume', 'orders')).toMatchObject({ code: 0, out: 'orders is running\n' });
  expect(await caller.call('delete', 'orders')).toMatchObject({ code: 0, out: 'orders is deleted\n' });
  expect(await caller.call('list')).toMatchObject({ code: 0, out: 'there are no tasks\n' });
});

test('a pause that did not stop the replicator says so', async () => {
  await using server = await serveWorld();
  using caller = new Caller();
  await server.world.create({ task_id: 'a', collection_infos: [{ name: '*' }] });
  neverStops(server.world);
  expect(await caller.call('pause', 'a', '--url', server.url)).toEqual({
    code: 0,
    out: 'a is paused, but its replicator has not stopped yet: get shows when it has\n',
    err: '',
  });
});

test('what the API refuses is said in its words, with code 1, and does not stop what comes after', async () => {
  await using server = await serveWorld();
  using caller = new Caller();
  caller.env = { CDC_URL: server.url };
  await server.world.create({ task_id: 'b', collection_infos: [{ name: '*' }] });
  expect(await caller.call('get', 'a')).toEqual({
    code: 1,
    out: '',
    err: 'fail to handle the get request, error: not found: [a]\n',
  });
  const paused = await caller.call('pause', 'a', 'b');
  expect(paused).toMatchObject({ code: 1, out: 'b is paused\n' });
  expect(paused.err).toContain('not found the task, task_id: a');
});

test('--json prints the answer itself, also that of a refusal', async () => {
  await using server = await serveWorld();
  using caller = new Caller();
  caller.env = { CDC_URL: server.url };
  expect((await caller.call('list', '--json')).out).toBe('{"code":200,"data":{"tasks":[]}}\n');
  const refused = await caller.call('get', 'a', '--json');
  expect(refused).toMatchObject({ code: 1, err: '' });
  expect(JSON.parse(refused.out)).toMatchObject({ code: 400 });
});

test('a task is shown with all that a person needs', async () => {
  await using server = await serveWorld();
  using caller = new Caller();
  const { world } = server;
  await world.create({ task_id: 'x', collection_infos: [{ name: 'logs' }] });
  await world.create({
    task_id: 'all',
    collection_infos: [{ name: '*' }],
    name_mapping: [{ source_db: 'default', target_db: 'copy', collection_mapping: {} }],
  });
  const task = { id: 'all', incarnation: '' };
  await world.fleet.putObject('all', sampleObject(task));
  await world.fleet.putObject(
    'all',
    sampleObject(task, {
      collectionId: '2',
      source: { database: 'default', name: 'zoo', channels: [] },
      quarantine: {
        code: 'schema_unsupported',
        message: 'no \u001b[31msuch\n type',
        since: '2030-01-01T00:00:00Z',
      },
    }),
  );
  const watermark = (BigInt(world.now - 192_000) << 18n).toString();
  await world.fleet.renewAll({ watermark, warnings: [{ code: 'history_partial', message: 'older rows' }] });
  const { out } = await caller.call('get', 'all', '--url', server.url);
  expect(out).toBe(
    [
      'task          all',
      'state         Running',
      'phase         streaming since 2030-01-01T00:00:00.000Z',
      'lag           3 min 12 s',
      'applied       0 rows inserted, 0 upserted, 0 keys deleted; 0 B in 0 requests, 0 sent again',
      'warning       history_partial: older rows',
      'target        http://t:19530',
      'collections   default.*',
      'left out      default.logs (task x has it)',
      'name_mapping  [{"source_db":"default","target_db":"copy","collection_mapping":{}}]',
      'log           /logs/all.log',
      '',
      'SOURCE         TARGET         STATE',
      'default.zoo    default.books  quarantined  schema_unsupported: no [31msuch type',
      'default.books  default.books  catching_up',
      '',
    ].join('\n'),
  );
});

test('an API that shows no status is shown as it is', async () => {
  await using server = await serveWorld();
  using caller = new Caller();
  server.world.settings = { ...server.world.settings, showStatus: false };
  await server.world.create({ task_id: 'a', collection_infos: [{ name: '*' }] });
  caller.env = { CDC_URL: server.url };
  expect((await caller.call('list')).out).toContain('a     Running              http://t:19530  default.*');
  expect((await caller.call('get', 'a')).out).toBe(
    'task         a\nstate        Running\ntarget       http://t:19530\ncollections  default.*\n',
  );
});

test('flags become the request that the API documents', async () => {
  await using server = await serveWorld();
  using caller = new Caller();
  caller.env = { CDC_URL: server.url, TOKEN: 'root:Milvus' };
  const flags = [
    '--collection',
    'plain',
    '--collection',
    'shop.*',
    '--map',
    'shop=copy',
    '--map',
    'default.plain=b.c',
  ];
  await caller.call('create', '--target', TARGET, '--id', 'a', '--token-env', 'TOKEN', '--role', ...flags);
  const task = await server.world.tasks.getTask('a');
  expect(task).toMatchObject({
    replicateRoles: true,
    scope: {
      include: [
        { database: 'default', collection: 'plain' },
        { database: 'shop', collection: '*' },
      ],
    },
    mappings: [
      { sourceDatabase: 'shop', targetDatabase: 'copy', collections: {} },
      { sourceDatabase: 'default', targetDatabase: 'b', collections: { plain: 'c' } },
    ],
  });
  expect(await server.world.secrets.get(task?.secretRef ?? '')).toMatchObject({ token: 'root:Milvus' });
});

test('a whole request can come from a file, the login from another', async () => {
  await using server = await serveWorld();
  using caller = new Caller();
  caller.env = { CDC_URL: server.url };
  writeFileSync(join(caller.folder, 'token'), 'root:from-file\n');
  const request_data = { milvus_connect_param: { uri: TARGET }, collection_infos: [{ name: 'a' }] };
  writeFileSync(join(caller.folder, 'create.json'), JSON.stringify({ request_type: 'create', request_data }));
  const args = ['--file', 'create.json', '--token-file', 'token', '--id', 'a'];
  expect(await caller.call('create', ...args)).toMatchObject({ code: 0 });
  const { secretRef } = (await server.world.tasks.getTask('a')) ?? {};
  expect(await server.world.secrets.get(secretRef ?? '')).toMatchObject({ token: 'root:from-file' });
});

test('a dry run says what the task would do and stores nothing', async () => {
  await using server = await serveWorld();
  using caller = new Caller();
  caller.env = { CDC_URL: server.url };
  server.world.sourceProbe.facts = {
    version: '2.3.5',
    collections: [
      { database: 'default', name: 'a', historyComplete: true },
      { database: 'default', name: 'b', historyComplete: false },
      { database: 'shop', name: 'c', historyComplete: null },
    ],
    warnings: ['something to know'],
  };
  const { code, out } = await caller.call('create', '--target', TARGET, '--collection', '*', '--dry-run');
  expect(code).toBe(0);
  expect(out).toBe(
    [
      'the task would be created; nothing was stored',
      'source Milvus 2.3.5, target Milvus v2.3.5',
      '',
      'SOURCE     TARGET',
      'default.a  default.a  from its creation',
      'default.b  default.b  from now on: the log no longer reaches back to its creation',
      'shop.c                left out: it is not asked for',
      'warning: something to know',
      '',
    ].join('\n'),
  );
  expect(await server.world.tasks.listTaskIds()).toEqual([]);
});

test('positions are shown with all digits of their ids', async () => {
  await using server = await serveWorld();
  using caller = new Caller();
  caller.env = { CDC_URL: server.url };
  const positions = { dml_0_449123456789012345v0: '' };
  await server.world.create({ task_id: 'a', collection_infos: [{ name: 'a', positions }] });
  const { out } = await caller.call('position', 'a');
  expect(out).toContain('449123456789012345  dml_0    not reached yet');
  expect((await caller.call('position', 'nobody')).out).toBe('no position is known\n');
});

test('the log level is set', async () => {
  await using server = await serveWorld();
  using caller = new Caller();
  const args = ['maintenance', 'set_log_level', 'log_level=debug', '--url', server.url];
  expect(await caller.call(...args)).toEqual({ code: 0, out: 'set log level to debug\n', err: '' });
  expect(server.world.level).toBe('debug');
});

test.each([
  [['create', '--all'], 'give --target URI, or --file with a whole request'],
  [['create', '--target', TARGET], 'say what to replicate: --collection db.name, or --all'],
  [
    ['create', '--target', TARGET, '--collection', 'a.b.c'],
    '--collection a.b.c: a collection is name, or db.name',
  ],
  [['create', '--target', TARGET, '--all', '--map', 'a'], '--map a is not of the form source=target'],
  [
    ['create', '--target', TARGET, '--all', '--map', 'a=b.c'],
    '--map a=b.c: both sides are databases, or both are db.collection',
  ],
  [['create', '--target', TARGET, '--all', '--token-env', 'NONE'], 'there is no token in env:NONE'],
  [
    ['create', '--target', TARGET, '--all', '--token-env', 'A', '--token-file', 'b'],
    'give one of --token-env, --token-file and --token-arn',
  ],
  [['create', '--file', 'none.json'], 'none.json cannot be read as a JSON object'],
  [['create', '--file', 'none.json', '--all'], '--all belongs into the file that --file names'],
  [['create', '--target', TARGET, '--all', '--timeout', '0'], '--timeout takes a whole number of seconds'],
  [['get'], 'give the id of a task; list shows them'],
  [['get', 'a', 'b'], 'one task id is expected, not 2'],
  [['pause'], 'give the id of a task; list shows them'],
  [['maintenance'], 'give an operation, for example set_log_level'],
  [['maintenance', 'set_log_level', 'debug'], 'debug is not of the form name=value'],
  [['list', '--tabel'], "Unknown option '--tabel'; see npm run cdc -- list --help"],
  [['list', '--url', 'ftp://x'], 'ftp://x is not the URL of an API; it looks like https://…/cdc'],
  [['proxy'], 'say where the API is: --url, $CDC_URL, or a cdk-outputs.json in this folder'],
  [['proxy', '--url', 'http://x', '--listen', 'here'], '--listen must be host:port'],
  [['drain', '--timeout', 'long'], '--timeout takes a number of seconds'],
  [['import'], 'give --file FILE, which export wrote'],
  [['import', '--file', 'none'], 'none cannot be read'],
])('%j is refused in a sentence, and nobody is asked', async (args, sentence) => {
  using caller = new Caller();
  expect(await caller.call(...args)).toEqual({ code: 78, out: '', err: `${sentence}\n` });
});

test('every command explains itself, and the overview names each with the exit codes', async () => {
  using caller = new Caller();
  const overview = await caller.call('--help');
  expect(overview.code).toBe(0);
  const names = [...overview.out.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name = '']) => name);
  expect(names).toHaveLength(12);
  for (const name of names) {
    const { code, out } = await caller.call(name, '--help');
    expect(code).toBe(0);
    expect(out).toContain(`usage: npm run cdc -- ${name}`);
    expect(out).toContain('--url URL');
  }
  expect(overview.out).toContain('exit codes: 0 done; 1');
  expect(await caller.call()).toMatchObject({ code: 78, err: '' });
  expect((await caller.call('lsit')).err).toMatch(/^there is no command lsit\n/);
});

test('nobody there is told in a sentence, with a code of its own', async () => {
  using caller = new Caller();
  const server = createServer();
  const url = await listen(server);
  await close(server);
  const ended = await caller.call('list', '--url', url);
  expect(ended).toEqual({ code: 69, out: '', err: `nothing listens at ${new URL(url).host}\n` });
});
