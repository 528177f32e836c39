import { describe, expect, test } from 'vitest';
import { inScope } from '#shared/task/scope.ts';
import { neighboursOf, scopeBeside } from '#shared/task/shared-target.ts';
import { type Answer, createError, type MakeStores, TARGET, World } from './world.ts';

const FOO = [{ name: 'foo' }];
const LONG = 'n'.repeat(257);

/** One broken rule each, in the order in which they are checked. Statements 22–38. */
const BROKEN: readonly (readonly [statement: string, request: object, message: string])[] = [
  ['22: nothing given', {}, 'the downstream address is empty'],
  ['23: only a negative port', { milvus_connect_param: { port: -1 } }, 'the downstream address is empty'],
  [
    '24: two kinds of target',
    { milvus_connect_param: TARGET, kafka_connect_param: { address: 'k:9092' } },
    "don't support milvus and kafka at the same time now",
  ],
  ['23: only a port', { milvus_connect_param: { port: 19530 } }, 'the milvus host is empty'],
  ['23: only a host', { milvus_connect_param: { host: 'h' } }, 'the milvus port is less or equal zero'],
  [
    '25: only a user name, beside a uri',
    { milvus_connect_param: { ...TARGET, username: 'u' } },
    'cannot set only one of the milvus username and password',
  ],
  [
    '25: only a password, beside a token',
    { milvus_connect_param: { ...TARGET, password: 'p', token: 't:t' } },
    'cannot set only one of the milvus username and password',
  ],
  [
    '26: a negative timeout',
    { milvus_connect_param: { ...TARGET, connect_timeout: -1 } },
    'the milvus connect timeout is less zero',
  ],
  ['27: kafka without topic', { kafka_connect_param: { address: 'k:9092' } }, 'the kafka topic is empty'],
  [
    '28: a negative period',
    { milvus_connect_param: TARGET, buffer_config: { period: -1 } },
    'the cache period is less zero',
  ],
  [
    '28: a negative size',
    { milvus_connect_param: TARGET, buffer_config: { size: -1 } },
    'the cache size is less zero',
  ],
  ['29: no collections', { milvus_connect_param: TARGET }, 'the collection info is empty'],
  [
    '29: empty lists',
    { milvus_connect_param: TARGET, collection_infos: [], db_collections: {} },
    'the collection info is empty',
  ],
  [
    '31: one of each',
    { milvus_connect_param: TARGET, collection_infos: FOO, db_collections: { a: FOO } },
    'the collection info and db collection info should be only one',
  ],
  [
    '34: a long database name',
    { milvus_connect_param: TARGET, db_collections: { [LONG]: FOO } },
    `the db name length exceeds 256 characters, ${LONG}`,
  ],
  [
    '32: a database without collections',
    { milvus_connect_param: TARGET, db_collections: { a: [] } },
    'empty collection info',
  ],
  [
    '35: positions of everything',
    { milvus_connect_param: TARGET, collection_infos: [{ name: '*', positions: { a_1v0: '' } }] },
    'the collection name is `*`, the positions should be empty',
  ],
  [
    '36: a position in a physical channel',
    { milvus_connect_param: TARGET, collection_infos: [{ name: 'foo', positions: { 'by-dev-dml_0': '' } }] },
    'the position channel name is not virtual channel, by-dev-dml_0',
  ],
  [
    '33: an empty name',
    { milvus_connect_param: TARGET, collection_infos: [{}] },
    'there is a collection name that is empty. ',
  ],
  [
    '34: a long name',
    { milvus_connect_param: TARGET, collection_infos: [{ name: LONG }] },
    `there are some collection names whose length exceeds 256 characters, [${LONG}]`,
  ],
  [
    '34: a name is measured in bytes',
    { milvus_connect_param: TARGET, collection_infos: [{ name: 'é'.repeat(129) }] },
    `there are some collection names whose length exceeds 256 characters, [${'é'.repeat(129)}]`,
  ],
  [
    '37: another rpc channel',
    { milvus_connect_param: TARGET, collection_infos: FOO, rpc_channel_info: { name: 'other' } },
    'the rpc channel is invalid, the channel name should be the same as the source config',
  ],
  [
    'a dot in a collection name',
    { milvus_connect_param: TARGET, collection_infos: [{ name: 'a.b' }] },
    'a database or collection name must not contain a dot, [a.b]',
  ],
  [
    'a dot in a mapping',
    {
      milvus_connect_param: TARGET,
      collection_infos: FOO,
      name_mapping: [{ source_db: 'default', target_db: 'a.b', collection_mapping: { foo: 'bar' } }],
    },
    'a database or collection name must not contain a dot, [a.b]',
  ],
  [
    'a mapping of two collections to one',
    {
      milvus_connect_param: TARGET,
      collection_infos: [{ name: '*' }],
      name_mapping: [{ source_db: 'default', target_db: 'd', collection_mapping: { a: 'c', b: 'c' } }],
    },
    'the name mapping sends two collections to one, [default.a default.b] to d.c',
  ],
  [
    'a control character in the id',
    { milvus_connect_param: TARGET, collection_infos: FOO, task_id: 'a\u0000b' },
    'the task id contains a control character',
  ],
  [
    'an id of more than 256 bytes',
    { milvus_connect_param: TARGET, collection_infos: FOO, task_id: 'é'.repeat(129) },
    'the task id length exceeds 256 characters',
  ],
  [
    'a kafka target',
    { kafka_connect_param: { address: 'k:9092', topic: 't' }, collection_infos: FOO },
    'a kafka target is not offered here, set milvus_connect_param to replicate into a Milvus',
  ],
];

/** Statements 22–49: creating a task. */
export function describeCreate(name: string, makeStores: MakeStores): void {
  describe(`create on ${name}`, () => {
    test.each(BROKEN)('%s is refused before the target is asked', async (_, request, message) => {
      await using world = await World.open(makeStores);
      expect(await world.call('create', request)).toEqual(createError(400, message));
      expect(world.probe.checked).toEqual([]);
      expect(await world.tasks.listTasks()).toEqual([]);
    });

    test('22: a create without data is refused', async () => {
      await using world = await World.open(makeStores);
      expect(await world.call('create')).toEqual(createError(400, 'the downstream address is empty'));
    });

    test('30, 32: with one collection per task, two are refused', async () => {
      await using world = await World.open(makeStores);
      world.settings = { ...world.settings, oneCollectionPerTask: true };
      const refused = createError(400, 'the collection info should be only one');
      const two = [{ name: 'a' }, { name: 'b' }];
      expect(await world.call('create', { milvus_connect_param: TARGET, collection_infos: two })).toEqual(
        refused,
      );
      expect(
        await world.call('create', { milvus_connect_param: TARGET, db_collections: { a: FOO, b: FOO } }),
      ).toEqual(refused);
      expect(
        await world.call('create', { milvus_connect_param: TARGET, db_collections: { a: two } }),
      ).toEqual(createError(400, 'the collection info should be only one.'));
    });

    test('30: by default several collections and databases are taken', async () => {
      await using world = await World.open(makeStores);
      await world.create({ collection_infos: [{ name: 'a' }, { name: 'b' }] });
      await world.create({ db_collections: { d1: [{ name: 'a' }, { name: 'b' }], d2: [{ name: '*' }] } });
      const scopes = (await world.tasks.listTasks()).map(({ scope }) => scope.include.length);
      expect(scopes.toSorted()).toEqual([2, 3]);
    });

    test('everything beside a name in the same list is refused', async () => {
      await using world = await World.open(makeStores);
      const { message } = await world.call('create', {
        milvus_connect_param: TARGET,
        collection_infos: [{ name: '*' }, { name: 'a' }],
      });
      expect(message).toMatch(/if you want to use the '\*' collection param, current param: \[\* a\]$/);
    });

    test('34: a name of 256 bytes is taken', async () => {
      await using world = await World.open(makeStores);
      await world.create({ collection_infos: [{ name: 'n'.repeat(256) }] });
    });

    test('38: of all rules broken at once the first is told, and with that mended the next', async () => {
      await using world = await World.open(makeStores);
      let request: Record<string, unknown> = {
        kafka_connect_param: { address: 'k:9092' },
        milvus_connect_param: { port: 19530, username: 'u', connect_timeout: -1 },
        buffer_config: { period: -1, size: -1 },
        rpc_channel_info: { name: 'other', position: '%' },
        name_mapping: [{ source_db: 'default', target_db: 'a.b', collection_mapping: { c: 'd' } }],
        task_id: 'a\u0000',
      };
      const milvus = { uri: TARGET.uri, username: 'u', connect_timeout: -1 };
      const mapping = { source_db: 'default', target_db: 'a', collection_mapping: { c: 'd' } };
      const physical = { 'by-dev-dml_0': '' };
      const steps: readonly (readonly [message: string, mended: object])[] = [
        ["don't support milvus and kafka at the same time now", { kafka_connect_param: null }],
        ['the milvus host is empty', { milvus_connect_param: { ...milvus, uri: '', host: 'h' } }],
        ['the milvus port is less or equal zero', { milvus_connect_param: milvus }],
        [
          'cannot set only one of the milvus username and password',
          { milvus_connect_param: { ...TARGET, connect_timeout: -1 } },
        ],
        ['the milvus connect timeout is less zero', { milvus_connect_param: TARGET }],
        ['the cache period is less zero', { buffer_config: { size: -1 } }],
        ['the cache size is less zero', { buffer_config: null }],
        ['the collection info is empty', { collection_infos: FOO, db_collections: { [LONG]: [] } }],
        [
          'the collection info and db collection info should be only one',
          { collection_infos: null, db_collections: { [LONG]: [] } },
        ],
        [`the db name length exceeds 256 characters, ${LONG}`, { db_collections: { a: [] } }],
        ['empty collection info', { db_collections: { a: [{ name: '*', positions: physical }] } }],
        [
          'the collection name is `*`, the positions should be empty',
          { db_collections: { a: [{ name: '', positions: physical }] } },
        ],
        [
          'the position channel name is not virtual channel, by-dev-dml_0',
          { db_collections: { a: [{ name: '' }, { name: LONG }] } },
        ],
        [
          `there is a collection name that is empty. there are some collection names whose length exceeds 256 characters, [${LONG}]`,
          { db_collections: { a: [{ name: 'foo', positions: { dml_0_1v0: '%' } }] } },
        ],
        [
          'the rpc channel is invalid, the channel name should be the same as the source config',
          { rpc_channel_info: { position: '%' } },
        ],
        ['a database or collection name must not contain a dot, [a.b]', { name_mapping: [mapping] }],
        ['the task id contains a control character', { task_id: '' }],
      ];
      for (const [message, mended] of steps) {
        expect(await world.call('create', request)).toEqual(createError(400, message));
        request = { ...request, ...mended };
      }
      // What depends on the target, and then on other tasks.
      world.probe.failure = 'down';
      expect(await world.call('create', request)).toEqual(
        createError(500, 'fail to connect the milvus: down'),
      );
      world.probe.failure = undefined;
      world.settings = { ...world.settings, maxTasks: 1 };
      const other = await world.create({
        db_collections: { a: FOO },
        extra_info: { enable_user_role: true },
      });
      request = { ...request, extra_info: { enable_user_role: true } };
      const told = async (code: number, text: string) =>
        expect(await world.call('create', request)).toMatchObject({
          code,
          message: expect.stringContaining(`error: ${text}`),
        });
      await told(400, 'the enable user role param is duplicate');
      request = { ...request, extra_info: null };
      await told(400, 'the collection name is duplicate with existing task, [a.foo]');
      request = { ...request, milvus_connect_param: { uri: 'http://other:1' } };
      await told(400, 'the collection name in the name mapping is not in the collection info, checkout it');
      request = { ...request, name_mapping: null };
      await told(500, 'the task num has reach the limit, 1');
      await world.call('delete', { task_id: other });
      await told(500, 'fail to decode the position data: ');
      request = { ...request, db_collections: { a: FOO } };
      await told(500, 'fail to decode the rpc position data: ');
      request = { ...request, rpc_channel_info: null };
      expect(await world.call('create', request)).toMatchObject({ code: 200 });
    });

    test('39: a target that cannot be reached is the answer, and no task exists', async () => {
      await using world = await World.open(makeStores);
      world.probe.failure = 'nothing listens at t:19530';
      expect(
        await world.call('create', {
          milvus_connect_param: { ...TARGET, token: 'a:b' },
          collection_infos: FOO,
        }),
      ).toEqual(createError(500, 'fail to connect the milvus: nothing listens at t:19530'));
      expect(await world.tasks.listTasks()).toEqual([]);
    });

    test('39: the connection check takes connect_timeout, but no longer than 20 s', async () => {
      await using world = await World.open(makeStores);
      for (const [i, seconds] of [0, 2, 120].entries()) {
        const param = { ...TARGET, connect_timeout: seconds };
        await world.create({ milvus_connect_param: param, collection_infos: [{ name: `c${i}` }] });
      }
      expect(world.probe.checked.map(({ budgetMs }) => budgetMs)).toEqual([5_000, 2_000, 20_000]);
    });

    test('40: the limit holds for new tasks and not for a known id', async () => {
      await using world = await World.open(makeStores);
      world.settings = { ...world.settings, maxTasks: 1 };
      await world.create({ task_id: 't1', collection_infos: FOO });
      expect(await create(world, { collection_infos: [{ name: 'bar' }] })).toEqual(
        createError(500, 'the task num has reach the limit, 1'),
      );
      expect(await world.create({ task_id: 't1', collection_infos: FOO })).toBe('t1');
    });

    test('41: positions have to be base64, of one collection, in virtual channels', async () => {
      await using world = await World.open(makeStores);
      const withPositions = (positions: object) =>
        create(world, { collection_infos: [{ name: 'foo', positions }] });
      const broken = await withPositions({ 'by-dev-dml_0_451v0': '!!!' });
      expect(broken.code).toBe(500);
      expect(broken.message).toMatch(/error: fail to decode the position data: ./);
      expect(await withPositions({ dml_0_xv0: '' })).toEqual(
        createError(
          400,
          'the vchannel is invalid, dml_0_xv0, err: virtual channel name(dml_0_xv0) is not valid: invalid parameter',
        ),
      );
      expect(await withPositions({ dml_0_451v0: '', dml_1_452v1: '' })).toEqual(
        createError(400, 'the channel position info should be in the same collection'),
      );
      // A message id of Pulsar says nothing about an offset.
      const pulsar = Buffer.from([0x12, 3, 1, 2, 3]).toString('base64');
      expect((await withPositions({ dml_0_451v0: pulsar })).code).toBe(500);
    });

    test('42: the rpc position has to be base64', async () => {
      await using world = await World.open(makeStores);
      const answer = await create(world, { collection_infos: FOO, rpc_channel_info: { position: '%%' } });
      expect(answer.code).toBe(500);
      expect(answer.message).toMatch(/error: fail to decode the rpc position data: ./);
    });

    test('43: without an id the task gets one, and runs at once', async () => {
      await using world = await World.open(makeStores);
      const id = await world.create({ collection_infos: FOO });
      expect(id).toMatch(/^[0-9a-f]{32}$/);
      expect(await world.get(id)).toMatchObject({ state: 'Running' });
      expect(world.fleet.running).toEqual([id]);
    });

    test('44, 45: a repeated create answers the same id and makes no second task', async () => {
      await using world = await World.open(makeStores);
      const request = { task_id: 't1', milvus_connect_param: TARGET, collection_infos: FOO };
      for (let i = 0; i < 2; i++) {
        expect(await world.call('create', request)).toEqual({ code: 200, data: { task_id: 't1' } });
      }
      expect(await world.tasks.listTasks()).toHaveLength(1);
    });

    test('46: a known id wins over a different scope', async () => {
      await using world = await World.open(makeStores);
      await world.create({ task_id: 't1', collection_infos: FOO });
      const before = await world.get('t1');
      expect(await world.create({ task_id: 't1', collection_infos: [{ name: 'bar' }] })).toBe('t1');
      expect(await world.get('t1')).toEqual(before);
    });

    test('47: a known id alone is not enough', async () => {
      await using world = await World.open(makeStores);
      await world.create({ task_id: 't1', collection_infos: FOO });
      expect(await world.call('create', { task_id: 't1' })).toEqual(
        createError(400, 'the downstream address is empty'),
      );
    });

    test('48: disable_auto_start does not keep a new task from running', async () => {
      await using world = await World.open(makeStores);
      const id = await world.create({ collection_infos: FOO, disable_auto_start: true });
      expect(await world.get(id)).toMatchObject({ state: 'Running' });
      expect(world.fleet.running).toEqual([id]);
    });

    test('an id of 256 bytes is taken, and found by every request', async () => {
      await using world = await World.open(makeStores);
      const id = 'é'.repeat(128);
      expect(await world.create({ task_id: id, collection_infos: FOO })).toBe(id);
      expect(await world.get(id)).toMatchObject({ task_id: id });
      for (const type of ['pause', 'resume', 'position', 'delete']) {
        expect(await world.call(type, { task_id: id })).toMatchObject({ code: 200 });
      }
    });

    // milvus-cdc connects to the target a second time and undoes the create when that fails. Here the check is the
    // connection, and what comes after it is the replicator's business, which tries again.
    test('49: a replicator that cannot be started yet does not undo the create: the status says why', async () => {
      await using world = await World.open(makeStores);
      world.fleet.refusal = new Error('no room');
      const id = await world.create({ collection_infos: FOO });
      expect(await world.get(id)).toMatchObject({ state: 'Running', status: { phase: 'starting' } });
    });

    test('equal creates at once make one task', async () => {
      await using world = await World.open(makeStores);
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => create(world, { task_id: 't1', collection_infos: FOO })),
      );
      expect(answers).toEqual(answers.map(() => ({ code: 200, data: { task_id: 't1' } })));
      expect(await world.tasks.listTasks()).toHaveLength(1);
    });

    test('of creates at once with one scope, one succeeds', async () => {
      await using world = await World.open(makeStores);
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => create(world, { collection_infos: FOO })),
      );
      expect(answers.filter(({ code }) => code === 200)).toHaveLength(1);
      expect(answers.filter(({ code }) => code !== 200)).toEqual(
        Array(7).fill(createError(400, 'the collection name is duplicate with existing task, [default.foo]')),
      );
      expect(await world.tasks.listTasks()).toHaveLength(1);
    });

    test('of creates at once with overlapping scopes no two get one collection, and who is refused is told why', async () => {
      await using world = await World.open(makeStores);
      const wishes = [
        { collection_infos: FOO },
        { collection_infos: [{ name: '*' }] },
        { db_collections: { '*': FOO } },
        { db_collections: { '*': [{ name: '*' }] } },
        { collection_infos: [{ name: 'foo' }, { name: 'bar' }] },
        { db_collections: { other: [{ name: '*' }] } },
      ];
      const answers = await Promise.all(wishes.map((wish) => create(world, wish)));
      const tasks = await world.tasks.listTasks();
      expect(answers.filter(({ code }) => code === 200)).toHaveLength(tasks.length);
      for (const { code, message } of answers) {
        if (code !== 200) expect(message).toMatch(/duplicate with existing task, \[(\S+ ?)+\]$/);
      }
      for (const [database, name] of [
        ['default', 'foo'],
        ['default', 'bar'],
        ['other', 'foo'],
        ['third', 'foo'],
        ['third', 'x'],
      ] as const) {
        const owners = tasks.filter((task) =>
          inScope(scopeBeside(task, neighboursOf(task, tasks)), database, name),
        );
        // Everything was asked for as well, and that is granted whatever comes before it.
        expect(owners.length, `${database}.${name}`).toBe(1);
      }
    });

    test('creates at once do not pass the limit', async () => {
      await using world = await World.open(makeStores);
      world.settings = { ...world.settings, maxTasks: 3 };
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, i) => create(world, { collection_infos: [{ name: `c${i}` }] })),
      );
      expect(answers.filter(({ code }) => code === 200)).toHaveLength(3);
      expect(await world.tasks.listTasks()).toHaveLength(3);
    });

    test('credentials go to the secret store and nowhere else', async () => {
      await using world = await World.open(makeStores);
      const id = await world.create({
        milvus_connect_param: {
          uri: 'http://u:s3cret-info@t:19530/db',
          username: 's3cret-user',
          password: 's3cret-pw',
        },
        collection_infos: FOO,
      });
      const task = await world.tasks.getTask(id);
      expect(JSON.stringify(task)).not.toContain('s3cret');
      expect(task).toMatchObject({
        targetIdentity: 'http://t:19530/db',
        target: { uri: 'http://t:19530/db' },
      });
      expect(await world.secrets.get(task?.secretRef ?? '')).toEqual({ token: 's3cret-user:s3cret-pw' });
      expect(world.logged.join('')).not.toContain('s3cret');
    });

    test('certificates are read at the create and their key is a secret', async () => {
      await using world = await World.open(makeStores);
      const dial = { ca_pem_path: '/pem/ca', client_pem_path: '/pem/crt', client_key_path: '/pem/key' };
      const id = await world.create({
        milvus_connect_param: { uri: 'https://t:19530', dial_config: dial },
        collection_infos: FOO,
      });
      const task = await world.tasks.getTask(id);
      expect(task?.target.tls).toEqual({
        caPem: '-----BEGIN /pem/ca-----',
        clientCertPem: '-----BEGIN /pem/crt-----',
      });
      expect(await world.secrets.get(task?.secretRef ?? '')).toEqual({
        token: '',
        clientKeyPem: '-----BEGIN /pem/key-----',
      });
      expect(await world.get(id)).toMatchObject({ milvus_connect_param: { dial_config: dial } });
      const answer = await create(world, {
        milvus_connect_param: { uri: 'https://t:19530', dial_config: { ca_pem_path: '/etc/passwd' } },
        collection_infos: [{ name: 'bar' }],
      });
      expect(answer).toEqual(
        createError(
          400,
          'dial_config.ca_pem_path cannot be used: there is no readable PEM file at that path',
        ),
      );
    });
  });
}

function create(world: World, data: object): Promise<Answer> {
  return world.call('create', { milvus_connect_param: TARGET, ...data });
}
