import { describe, expect, test } from 'vitest';
import { parkTasks } from '../../../infra/local/park-tasks.ts';
import { sampleObject } from '../../support/fakes/task-samples.ts';
import { type MakeStores, World } from './world.ts';

const FOO = { collection_infos: [{ name: 'foo' }] };
const REASON = 'manually pause through http interface';

/** Statements 60–73: showing, pausing, resuming and deleting. */
export function describeLifecycle(name: string, makeStores: MakeStores): void {
  describe(`life of a task on ${name}`, () => {
    test('60: get needs an id that exists', async () => {
      await using world = await World.open(makeStores);
      const error = (message: string) => ({
        code: 400,
        message: `fail to handle the get request, error: ${message}`,
      });
      expect(await world.call('get', {})).toEqual(error('task_id is empty'));
      expect(await world.call('get', { task_id: 'nope' })).toEqual(error('not found: [nope]'));
    });

    test('61: credentials are never shown', async () => {
      await using world = await World.open(makeStores);
      const id = await world.create({
        ...FOO,
        milvus_connect_param: {
          uri: 'https://u:s3cret@t:19530',
          token: 's3cret',
          username: 's3cret',
          password: 's3cret',
        },
      });
      for (const answer of [await world.call('get', { task_id: id }), await world.call('list')]) {
        const text = JSON.stringify(answer);
        expect(text).not.toMatch(/s3cret|"(username|password|token)"/);
        expect(text).toContain('https://***@t:19530');
      }
    });

    // No task has a Kafka target here; what a request says of one is shown all the same.
    test('62: of SASL settings only mechanism and protocol are shown', async () => {
      await using world = await World.open(makeStores);
      const sasl = {
        username: 's3cret',
        password: 's3cret',
        mechanisms: 'PLAIN',
        security_protocol: 'SASL_SSL',
      };
      const id = await world.create({ ...FOO, kafka_connect_param: { enable_sasl: true, sasl } });
      expect(await world.get(id)).toMatchObject({
        kafka_connect_param: {
          enable_sasl: true,
          sasl: { mechanisms: 'PLAIN', security_protocol: 'SASL_SSL' },
        },
      });
      expect(JSON.stringify(await world.tasks.getTask(id))).not.toContain('s3cret');
    });

    test('63: a new task shows milvus-cdc’s members, and status unless a setting leaves it out', async () => {
      await using world = await World.open(makeStores);
      const id = await world.create({ task_id: 'abc', collection_infos: [{ name: '*' }] });
      const task = {
        collection_infos: [{ name: '*', positions: null, use_start_position: false }],
        db_collections: null,
        kafka_connect_param: { address: '', enable_sasl: false, sasl: {}, topic: '' },
        milvus_connect_param: {
          channel_num: 0,
          connect_timeout: 0,
          dial_config: {},
          enable_tls: false,
          host: '',
          ignore_partition: false,
          port: 0,
          uri: 'http://t:19530',
        },
        state: 'Running',
        task_id: 'abc',
      };
      expect(await world.get(id)).toEqual({
        ...task,
        status: expect.objectContaining({ phase: 'streaming' }),
      });
      world.settings = { ...world.settings, showStatus: false };
      const { body } = await world.send('{"request_type":"get","request_data":{"task_id":"abc"}}');
      expect(body).toBe(`${JSON.stringify({ code: 200, data: { task } })}\n`);
      expect(await world.call('list')).toEqual({ code: 200, data: { tasks: [task] } });
    });

    test('64: list shows tasks by id, and an empty list when there are none', async () => {
      await using world = await World.open(makeStores);
      expect(await world.call('list', { ignored: 1 })).toEqual({ code: 200, data: { tasks: [] } });
      for (const id of ['b', 'a']) await world.create({ task_id: id, collection_infos: [{ name: id }] });
      const tasks = (await world.call('list')).data?.['tasks'] as { task_id: string }[];
      expect(tasks.map(({ task_id: id }) => id)).toEqual(['a', 'b']);
    });

    test('65, 66, 68: pause and resume change the state at once, and the reason with it', async () => {
      await using world = await World.open(makeStores);
      const id = await world.create(FOO);
      expect(await world.get(id)).not.toHaveProperty('reason');
      expect(await world.call('pause', { task_id: id })).toEqual({ code: 200 });
      expect(await world.get(id)).toMatchObject({
        state: 'Paused',
        reason: REASON,
        status: { phase: 'stopped' },
      });
      expect(world.fleet.running).toEqual([]);
      expect(await world.call('resume', { task_id: id })).toEqual({ code: 200 });
      expect(await world.get(id)).toMatchObject({ state: 'Running' });
      expect(await world.get(id)).not.toHaveProperty('reason');
      expect(world.fleet.running).toEqual([id]);
    });

    test('67, 68: what is so already is refused', async () => {
      await using world = await World.open(makeStores);
      const id = await world.create(FOO);
      expect(await world.call('resume', { task_id: id })).toEqual({
        code: 400,
        message: `fail to handle the resume request, error: the task has running, task_id: ${id}`,
      });
      await world.call('pause', { task_id: id });
      expect(await world.call('pause', { task_id: id })).toEqual({
        code: 400,
        message: `fail to handle the pause request, error: the task has paused, task_id: ${id}`,
      });
    });

    test.each(['pause', 'resume', 'delete'])('69: %s of an unknown task is refused', async (type) => {
      await using world = await World.open(makeStores);
      const error = (id: string) => ({
        code: 400,
        message: `fail to handle the ${type} request, error: not found the task, task_id: ${id}`,
      });
      expect(await world.call(type, { task_id: 'nope' })).toEqual(error('nope'));
      expect(await world.call(type)).toEqual(error(''));
    });

    test('70: delete can be told to ignore that there is none', async () => {
      await using world = await World.open(makeStores);
      expect(await world.call('delete', { task_id: 'nope', ignore_not_found: true })).toEqual({ code: 200 });
    });

    test('71: a deleted task is gone, with its credentials, and its id and scope are free', async () => {
      await using world = await World.open(makeStores);
      const request = {
        ...FOO,
        task_id: 't1',
        milvus_connect_param: { uri: 'http://t:19530', token: 'u:p' },
      };
      await world.create(request);
      const ref = (await world.tasks.getTask('t1'))?.secretRef ?? '';
      expect(await world.call('delete', { task_id: 't1' })).toEqual({ code: 200 });
      expect((await world.call('get', { task_id: 't1' })).message).toMatch(/not found: \[t1\]$/);
      expect(await world.call('list')).toEqual({ code: 200, data: { tasks: [] } });
      expect((await world.call('position', { task_id: 't1' })).data).toEqual({
        op_positions: null,
        positions: null,
        target_positions: null,
      });
      expect(await world.secrets.get(ref)).toBeUndefined();
      expect(world.fleet.running).toEqual([]);
      expect(await world.create(request)).toBe('t1');
      expect(world.fleet.running).toEqual(['t1']);
    });

    test('a paused task can be deleted', async () => {
      await using world = await World.open(makeStores);
      const id = await world.create(FOO);
      await world.call('pause', { task_id: id });
      expect(await world.call('delete', { task_id: id })).toEqual({ code: 200 });
    });

    test('a pause is answered after 25 s at most; until the job has stopped the phase says so', async () => {
      await using world = await World.open(makeStores);
      const id = await world.create(FOO);
      world.fleet.stubborn = true;
      await renewWhileWaiting(world);
      const before = world.now;
      expect(await world.call('pause', { task_id: id })).toEqual({ code: 200 });
      expect(world.now - before).toBe(25_000);
      expect(await world.get(id)).toMatchObject({ state: 'Paused', status: { phase: 'stopping' } });
    });

    test('a delete frees nothing while the job may still write, and goes on when it is sent again', async () => {
      await using world = await World.open(makeStores);
      const id = await world.create(FOO);
      world.fleet.stubborn = true;
      await renewWhileWaiting(world);
      expect(await world.call('delete', { task_id: id })).toEqual({
        code: 500,
        message:
          `fail to handle the delete request, error: fail to delete the task meta, task_id: ${id}: ` +
          'its replicator has not stopped yet; the task is paused, send the delete again',
      });
      expect(await world.get(id)).toMatchObject({ state: 'Paused' });
      expect(
        (await world.call('create', { milvus_connect_param: { uri: 'http://t:19530' }, ...FOO })).code,
      ).toBe(400);
      world.fleet.stubborn = false;
      world.now += 120_000;
      expect(await world.call('delete', { task_id: id })).toEqual({ code: 200 });
      await world.create(FOO);
    });

    test('a job that is silent is waited for until its lease and its last request are over', async () => {
      await using world = await World.open(makeStores);
      const id = await world.create(FOO);
      world.fleet.stubborn = true;
      const before = world.now;
      expect(await world.call('delete', { task_id: id })).toEqual({ code: 200 });
      expect(world.now - before).toBeGreaterThanOrEqual(18_500);
      expect(world.now - before).toBeLessThanOrEqual(20_000);
    });

    test('82: after a job that was killed a delete waits until the target has nothing left to execute', async () => {
      await using world = await World.open(makeStores);
      const id = await world.create(FOO);
      await world.fleet.kill(id);
      const before = world.now;
      expect(await world.call('delete', { task_id: id })).toEqual({ code: 200 });
      expect(world.now - before).toBeGreaterThanOrEqual(2_000);
      expect(world.now - before).toBeLessThanOrEqual(4_000);
    });

    test('a job that ended long ago is not waited for', async () => {
      await using world = await World.open(makeStores);
      const id = await world.create(FOO);
      await world.fleet.kill(id);
      world.now += 60_000;
      const before = world.now;
      expect(await world.call('delete', { task_id: id })).toEqual({ code: 200 });
      expect(world.now).toBe(before);
    });

    test('72, 73: a restart leaves paused tasks paused and parks those that must not start by themselves', async () => {
      await using world = await World.open(makeStores);
      const named = (name: string) => ({ task_id: name, collection_infos: [{ name }] });
      await world.create(named('paused'));
      await world.call('pause', { task_id: 'paused' });
      await world.create({ ...named('manual'), disable_auto_start: true });
      await world.create(named('plain'));
      await parkTasks(world.tasks, world.log);
      expect(await world.get('paused')).toMatchObject({ state: 'Paused', reason: REASON });
      expect(await world.get('manual')).toMatchObject({
        state: 'Paused',
        reason: 'the task is disabled auto start',
      });
      expect(await world.get('plain')).toMatchObject({ state: 'Running' });
    });

    test('get shows all that is needed to create a task again, but for credentials', async () => {
      await using world = await World.open(makeStores);
      const name_mapping = [{ source_db: 'default', target_db: 'copy', collection_mapping: { a: 'b' } }];
      const plain = await world.create({ collection_infos: [{ name: '*' }] });
      expect(await world.get(plain)).toMatchObject({ status: { request: {}, credentials: false } });
      const id = await world.create({
        milvus_connect_param: { uri: 'http://other:1', token: 'root:Milvus' },
        collection_infos: [{ name: 'a' }],
        name_mapping,
        extra_info: { enable_user_role: true },
        disable_auto_start: true,
      });
      const { status } = (await world.get(id)) as { status: Record<string, unknown> };
      expect(status['request']).toEqual({
        name_mapping,
        extra_info: { enable_user_role: true },
        disable_auto_start: true,
      });
      expect(status['credentials']).toBe(true);
      expect(JSON.stringify(await world.get(id))).not.toContain('root:Milvus');
    });

    test('status tells lag, counters and collections, those that need a person first', async () => {
      await using world = await World.open(makeStores);
      const id = await world.create({ collection_infos: [{ name: '*' }] });
      const task = { id, incarnation: '' };
      await world.fleet.putObject(id, sampleObject(task, { cursors: [] }));
      await world.fleet.putObject(
        id,
        sampleObject(task, {
          collectionId: '449000000000000002',
          source: { database: 'default', name: 'zoo', channels: [] },
          quarantine: { code: 'schema_unsupported', message: 'no', since: '2030-01-01T00:00:00.000Z' },
        }),
      );
      expect(await world.get(id)).toMatchObject({ status: { lag_ms: null, lag_reason: expect.any(String) } });
      const watermark = (BigInt(world.now - 1234) << 18n).toString();
      await world.fleet.renewAll({ watermark, warnings: [{ code: 'history_partial', message: 'x' }] });
      expect(await world.get(id)).toMatchObject({
        status: {
          phase: 'streaming',
          reason: null,
          lag_ms: 1234,
          counters: { rows_inserted: 0 },
          warnings: [{ code: 'history_partial', message: 'x' }],
          collections: [
            {
              source: 'default.zoo',
              state: 'quarantined',
              reason: { code: 'schema_unsupported', message: 'no' },
            },
            { source: 'default.books', target: 'default.books', state: 'streaming' },
          ],
          log: `/logs/${id}.log`,
        },
      });
    });
  });
}

/** Whatever waits, the jobs renew their leases meanwhile. */
async function renewWhileWaiting(world: World): Promise<void> {
  const getRun = world.tasks.getRun.bind(world.tasks);
  world.tasks.getRun = async (id) => {
    await world.fleet.renewAll();
    return getRun(id);
  };
}
