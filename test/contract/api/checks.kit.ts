import { describe, expect, test } from 'vitest';
import { createError, type MakeStores, TARGET, World } from './world.ts';

const FOO = { milvus_connect_param: TARGET, collection_infos: [{ name: 'foo' }] };
const EVERYTHING = { milvus_connect_param: TARGET, db_collections: { '*': [{ name: '*' }] } };

/** What a create finds out about both ends before it stores, and the create that only finds out. */
export function describeChecks(name: string, makeStores: MakeStores): void {
  describe(`checks of a create on ${name}`, () => {
    test('a source that cannot be followed is the answer, and no task exists', async () => {
      await using world = await World.open(makeStores);
      world.sourceProbe.failure = 'etcd holds no Milvus under by-dev/meta';
      expect(await world.call('create', { ...FOO, task_id: 't1' })).toEqual(
        createError(500, 'fail to connect the source: etcd holds no Milvus under by-dev/meta'),
      );
      expect(await world.tasks.listTaskIds()).toEqual([]);
      world.sourceProbe.failure = undefined;
      expect(await world.call('create', { ...FOO, task_id: 't1' })).toMatchObject({ code: 200 });
    });

    test('39: of both ends the target is told first', async () => {
      await using world = await World.open(makeStores);
      world.sourceProbe.failure = 'no source';
      world.probe.failure = 'no target';
      expect(await world.call('create', FOO)).toEqual(
        createError(500, 'fail to connect the milvus: no target'),
      );
    });

    test('45: a known id is answered whatever its source does', async () => {
      await using world = await World.open(makeStores);
      await world.create({ ...FOO, task_id: 't1' });
      world.sourceProbe.failure = 'no source';
      expect(await world.call('create', { ...FOO, task_id: 't1' })).toEqual({
        code: 200,
        data: { task_id: 't1' },
      });
    });

    test('the source is asked about what the request names, within 20 s', async () => {
      await using world = await World.open(makeStores);
      await world.create(FOO);
      expect(world.sourceProbe.checked).toEqual([
        { patterns: [{ database: 'default', collection: 'foo' }], budgetMs: 20_000 },
      ]);
    });

    test('a dry run tells what would be replicated and what not and why, and stores nothing', async () => {
      await using world = await World.open(makeStores);
      const owner = await world.create({ collection_infos: [{ name: 'taken' }] });
      const here = (collection: string) => ({ database: 'default', name: collection, historyComplete: true });
      world.sourceProbe.facts = {
        version: '2.3.5',
        collections: [here('foo'), here('taken'), { database: 'shop', name: 'old', historyComplete: false }],
        retention: { ms: 604_800_000, bytes: null },
        warnings: ['a warning'],
      };
      const answer = await world.call('create', { ...EVERYTHING, task_id: 't1', dry_run: true });
      expect(answer).toEqual({
        code: 200,
        data: {
          dry_run: true,
          exists: false,
          task_id: 't1',
          source: { version: '2.3.5', log_retention_ms: 604_800_000 },
          target: { version: 'v2.3.5' },
          databases: ['default', 'shop'],
          collections: [
            { source: 'default.foo', target: 'default.foo', history_complete: true },
            { source: 'shop.old', target: 'shop.old', history_complete: false },
          ],
          left_out: [{ source: 'default.taken', why: `task ${owner} replicates it to the same target` }],
          warnings: ['a warning'],
        },
      });
      expect(await world.tasks.listTaskIds()).toEqual([owner]);
      expect(world.fleet.running).toEqual([owner]);
    });

    test('what a create should know of its source is logged', async () => {
      await using world = await World.open(makeStores);
      world.sourceProbe.facts = { version: '2.3.5', collections: [], warnings: ['the log is short'] };
      await world.create(FOO);
      expect(world.logged.join()).toContain('the log is short');
    });

    test('a dry run of a wildcard includes what it left to a task that is gone', async () => {
      await using world = await World.open(makeStores);
      const foo = await world.create({ task_id: 'one', collection_infos: [{ name: 'foo' }] });
      await world.create({ ...EVERYTHING, task_id: 'all' });
      world.sourceProbe.facts = {
        version: '2.3.5',
        collections: [{ database: 'default', name: 'foo', historyComplete: true }],
        warnings: [],
      };
      const dryRun = async () =>
        (await world.call('create', { ...EVERYTHING, task_id: 'all', dry_run: true })).data;
      expect(await dryRun()).toMatchObject({
        collections: [],
        left_out: [{ source: 'default.foo', why: `task ${foo} replicates it to the same target` }],
      });
      await world.call('delete', { task_id: foo });
      expect(await dryRun()).toMatchObject({ collections: [{ source: 'default.foo' }], left_out: [] });
    });

    test('a dry run tells of names that do not exist yet, and where mapped ones go', async () => {
      await using world = await World.open(makeStores);
      world.sourceProbe.facts = {
        version: '',
        collections: [{ database: 'default', name: 'foo', historyComplete: true }],
        warnings: [],
      };
      const { data } = await world.call('create', {
        milvus_connect_param: TARGET,
        collection_infos: [{ name: 'foo' }, { name: 'fooo' }],
        name_mapping: [{ source_db: 'default', target_db: 'copy', collection_mapping: { foo: 'bar' } }],
        dry_run: true,
      });
      expect(data).toMatchObject({
        collections: [{ source: 'default.foo', target: 'copy.bar' }],
        left_out: [],
        warnings: ['the source holds no default.fooo yet; it is followed as soon as it does'],
      });
    });

    test.each([
      ['validation', { dry_run: true }, 'the downstream address is empty'],
      [
        'duplicates',
        { ...FOO, dry_run: true },
        'the collection name is duplicate with existing task, [default.foo]',
      ],
    ])('a dry run is refused as the create would be: %s', async (_, data, message) => {
      await using world = await World.open(makeStores);
      await world.create(FOO);
      expect(await world.call('create', data)).toEqual(createError(400, message));
    });

    test('40: a dry run at the limit is refused', async () => {
      await using world = await World.open(makeStores);
      world.settings = { ...world.settings, maxTasks: 0 };
      expect(await world.call('create', { ...FOO, dry_run: true })).toEqual(
        createError(500, 'the task num has reach the limit, 0'),
      );
    });

    test('a dry run stores no credentials', async () => {
      await using world = await World.open(makeStores);
      const put: string[] = [];
      const { secrets } = world;
      Object.assign(secrets, {
        put: async (ref: string) => void put.push(ref),
      });
      const { code } = await world.call('create', {
        ...FOO,
        milvus_connect_param: { ...TARGET, token: 'root:Milvus' },
        dry_run: true,
      });
      expect(code).toBe(200);
      expect(put).toEqual([]);
    });

    test('a dry run of an id that exists says so', async () => {
      await using world = await World.open(makeStores);
      await world.create({ ...FOO, task_id: 't1' });
      expect(await world.call('create', { ...FOO, task_id: 't1', dry_run: true })).toMatchObject({
        data: { exists: true, task_id: 't1' },
      });
    });
  });
}
