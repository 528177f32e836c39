import { describe, expect, test } from 'vitest';
import { type Answer, createError, type MakeStores, TARGET, World } from './world.ts';

type Scope = Readonly<Record<string, readonly string[]>>;

/** `{ default: ['foo'] }` as `db_collections`, or a name alone as `collection_infos`. */
function scope(what: string | Scope): object {
  if (typeof what === 'string') return { collection_infos: [{ name: what }] };
  return {
    db_collections: Object.fromEntries(
      Object.entries(what).map(([database, names]) => [database, names.map((name) => ({ name }))]),
    ),
  };
}

function duplicate(name: string): Answer {
  return createError(400, `the collection name is duplicate with existing task, [${name}]`);
}

const UNCOVERED = createError(
  400,
  'the collection name in the name mapping is not in the collection info, checkout it',
);

/** Statements 50–59: what one target's tasks may share. */
export function describeScope(name: string, makeStores: MakeStores): void {
  describe(`scope on ${name}`, () => {
    const ask = (world: World, what: string | Scope, more: object = {}) =>
      world.call('create', { milvus_connect_param: TARGET, ...scope(what), ...more });
    const grant = async (world: World, what: string | Scope, more: object = {}) => {
      const answer = await ask(world, what, more);
      expect(answer).toMatchObject({ code: 200 });
      return String(answer.data?.['task_id']);
    };

    test('50, 51: after everything of a database, its names are duplicates and others are not', async () => {
      await using world = await World.open(makeStores);
      await grant(world, '*');
      expect(await ask(world, '*')).toEqual(duplicate('default.*'));
      expect(await ask(world, 'foo')).toEqual(duplicate('default.foo'));
      await grant(world, { dbx: ['foo'] });
    });

    test('52: after everything, all is a duplicate', async () => {
      await using world = await World.open(makeStores);
      await grant(world, { '*': ['*'] });
      expect(await ask(world, '*')).toEqual(duplicate('default.*'));
      expect(await ask(world, { db1: ['*'] })).toEqual(duplicate('db1.*'));
      expect(await ask(world, { db9: ['c'] })).toEqual(duplicate('db9.c'));
      expect(await ask(world, { '*': ['*'] })).toEqual(duplicate('*.*'));
    });

    test('53: a wildcard leaves out what a task has, also when that task is made again', async () => {
      await using world = await World.open(makeStores);
      const foo = await grant(world, 'foo');
      const all = await grant(world, '*');
      expect((await world.tasks.getTask(all))?.scope.exclude).toEqual([
        { database: 'default', collection: 'foo' },
      ]);
      expect(await ask(world, 'bar')).toEqual(duplicate('default.bar'));
      expect(await ask(world, 'foo')).toEqual(duplicate('default.foo'));
      expect(await world.call('delete', { task_id: foo })).toEqual({ code: 200 });
      await grant(world, 'foo');
    });

    test('get tells what a wildcard leaves out and to whom, and nothing once that task is gone', async () => {
      await using world = await World.open(makeStores);
      await world.create({ task_id: 'one', collection_infos: [{ name: 'foo' }] });
      const all = await world.create({ task_id: 'all', collection_infos: [{ name: '*' }] });
      const scope = async () => ((await world.get(all))['status'] as { scope: unknown }).scope;
      const include = ['default.*'];
      expect(await scope()).toEqual({ include, left_out: [{ pattern: 'default.foo', task: 'one' }] });
      await world.call('delete', { task_id: 'one' });
      expect(await scope()).toEqual({ include, left_out: [] });
      await world.create({ task_id: 'two', collection_infos: [{ name: 'foo' }] });
      expect(await scope()).toEqual({ include, left_out: [{ pattern: 'default.foo', task: 'two' }] });
    });

    test('53: a task that is made again waits until the wildcard knows; others wait for nobody', async () => {
      await using world = await World.open(makeStores);
      const revision = async (id: string) => (await world.tasks.getTask(id))?.scopeRevision;
      const foo = await grant(world, 'foo');
      const all = await grant(world, '*');
      expect([await revision(foo), await revision(all)]).toEqual([undefined, undefined]);
      await world.call('delete', { task_id: foo });
      const again = await grant(world, 'foo');
      const { revision: now } = await world.tasks.getScope(TARGET.uri);
      expect(await revision(again)).toBe(now);
    });

    test('54: where two wildcards cross, the later one leaves out what they share', async () => {
      await using world = await World.open(makeStores);
      await grant(world, '*');
      const foos = await grant(world, { '*': ['foo'] });
      expect((await world.tasks.getTask(foos))?.scope.exclude).toEqual([
        { database: 'default', collection: 'foo' },
      ]);
      expect(await ask(world, { dbx: ['foo'] })).toEqual(duplicate('dbx.foo'));
      await grant(world, { dbx: ['bar'] });
    });

    test('what a deleted wildcard had left out is no one’s any more', async () => {
      await using world = await World.open(makeStores);
      await grant(world, 'foo');
      const all = await grant(world, '*');
      await world.call('delete', { task_id: all });
      expect(await ask(world, 'foo')).toEqual(duplicate('default.foo'));
      await grant(world, '*');
    });

    test('55: another spelling of the target is another target', async () => {
      await using world = await World.open(makeStores);
      for (const uri of ['http://h:1', 'https://h:1', 'http://h:1/']) {
        await grant(world, 'foo', { milvus_connect_param: { uri } });
      }
    });

    test('56: host and port are the same target as the equal uri, with or without user-info', async () => {
      await using world = await World.open(makeStores);
      await grant(world, 'foo', { milvus_connect_param: { host: '10.0.0.1', port: 19530 } });
      for (const uri of ['http://10.0.0.1:19530', 'http://u:p@10.0.0.1:19530']) {
        expect(await ask(world, 'foo', { milvus_connect_param: { uri } })).toEqual(duplicate('default.foo'));
      }
      await grant(world, 'foo', {
        milvus_connect_param: { host: '10.0.0.1', port: 19530, enable_tls: true },
      });
    });

    test('57: users and roles are replicated by one living task of a target', async () => {
      await using world = await World.open(makeStores);
      const roles = { extra_info: { enable_user_role: true } };
      const first = await grant(world, 'a', roles);
      expect(await ask(world, 'b', roles)).toEqual(
        createError(400, 'the enable user role param is duplicate'),
      );
      await grant(world, 'b', { ...roles, milvus_connect_param: { uri: 'http://other:19530' } });
      await world.call('delete', { task_id: first });
      await grant(world, 'b', roles);
    });

    test('58: what is mapped has to be in scope', async () => {
      await using world = await World.open(makeStores);
      const mapped = (collection_mapping: object) => ({
        name_mapping: [{ source_db: 'default', target_db: 'tdb', collection_mapping }],
      });
      expect(await ask(world, 'foo', mapped({ bar: 'x' }))).toEqual(UNCOVERED);
      expect(await ask(world, 'foo', mapped({}))).toEqual(UNCOVERED);
      expect(await ask(world, { db1: ['*'] }, mapped({}))).toEqual(UNCOVERED);
      const id = await grant(world, '*', mapped({}));
      expect((await world.tasks.getTask(id))?.mappings).toEqual([
        { sourceDatabase: 'default', targetDatabase: 'tdb', collections: {} },
      ]);
      await grant(
        world,
        { db1: ['foo'] },
        { name_mapping: [{ source_db: 'db1', target_db: 't', collection_mapping: { foo: 'x' } }] },
      );
    });

    test('59: a failed create leaves no name reserved', async () => {
      await using world = await World.open(makeStores);
      const roles = { extra_info: { enable_user_role: true } };
      expect(await ask(world, 'foo', { ...roles, rpc_channel_info: { position: '%' } })).toMatchObject({
        code: 500,
      });
      world.probe.failure = 'down';
      expect(await ask(world, 'foo', roles)).toMatchObject({ code: 500 });
      world.probe.failure = undefined;
      await grant(world, 'foo', roles);
    });
  });
}
