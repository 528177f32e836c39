import { afterEach, describe, expect, test } from 'vitest';
import type { TaskDatabase } from '#shared/task/run.ts';
import type { NameMapping, Scope } from '#shared/task/scope.ts';
import type { Task } from '#shared/task/task.ts';
import { TargetRefusedError } from '../../../../replicator/target/target.ts';
import { itemKey } from '../../../support/fakes/memory-task-store.ts';
import { Story } from './story.ts';

let story: Story;

afterEach(() => story.end());

/** A task that streams, with the names of the target's databases at hand. */
async function streaming(task: Partial<Task> = {}): Promise<void> {
  story = await Story.begin({}, task);
  await story.start();
  await story.until(() => story.phase === 'streaming');
}

const onTarget = (name: string) => story.target.databases.has(name);
const kept = (name: string) =>
  story.store.items.get(itemKey('database', story.task.id, story.task.incarnation, name)) as
    | TaskDatabase
    | undefined;
const warnings = () => story.run.warnings.map(({ code, message }) => `${code}: ${message}`);
const NOT_OURS =
  'target_foreign: the database shop of the target stays, though the source has dropped its own: this task did not make it';

function scopeOf(...patterns: readonly (readonly [string, string])[]): Scope {
  return { include: patterns.map(([database, collection]) => ({ database, collection })), exclude: [] };
}

function mapping(
  sourceDatabase: string,
  targetDatabase: string,
  collections: Record<string, string> = {},
): NameMapping {
  return { sourceDatabase, targetDatabase, collections };
}

describe('an empty database of the source', () => {
  test('is made on the target at once, and dropped at once', async () => {
    await streaming();
    story.source.createDatabase('shop');
    await story.until(() => onTarget('shop'), 500);
    story.source.dropDatabase('shop');
    await story.until(() => !onTarget('shop'), 500);
    await story.until(() => kept('shop') === undefined);
    expect(warnings()).toEqual([]);
  });

  test('that came and went while the task was paused comes and goes as well', async () => {
    await streaming();
    story.source.createDatabase('old');
    await story.until(() => onTarget('old'));
    await story.stop();
    story.source.dropDatabase('old');
    story.source.createDatabase('new');
    await story.start();
    await story.until(() => onTarget('new') && !onTarget('old'));
  });

  test('is made again within a while when somebody drops it on the target', async () => {
    await streaming();
    story.source.createDatabase('shop');
    await story.until(() => onTarget('shop'));
    story.target.databases.delete('shop');
    await story.until(() => onTarget('shop'), 90_000);
    story.source.dropDatabase('shop');
    await story.until(() => !onTarget('shop'));
  });

  test('arrives once the target is back, and the job says what it waits for', async () => {
    await streaming();
    story.target.away = true;
    story.source.createDatabase('shop');
    await story.until(() => story.phase === 'retrying');
    expect(story.run.reason).toEqual({ code: 'target_unavailable', message: 'the target is away' });
    story.target.away = false;
    await story.until(() => onTarget('shop') && story.phase === 'streaming');
  });
});

describe('a database with collections', () => {
  test('is dropped when the last of them is, and never tried before', async () => {
    await streaming();
    story.source.createDatabase('shop');
    const ids = ['a', 'b'].map((name) => story.source.createCollection(name, { database: 'shop' }));
    for (const id of ids) story.insert(id, [1n]);
    expect(await story.converge(10_000)).toEqual([]);
    const answers: boolean[] = [];
    const drop = story.target.dropDatabase.bind(story.target);
    story.target.dropDatabase = (name) => {
      answers.push(drop(name));
      return answers.at(-1) === true;
    };
    for (const id of ids) story.source.dropCollection(id);
    story.source.dropDatabase('shop');
    await story.until(() => !onTarget('shop'), 5_000);
    expect([answers, story.differences()]).toEqual([[true], []]);
  });

  test('that is dropped and made again with them has the new ones only', async () => {
    await streaming();
    story.source.createDatabase('shop');
    const first = story.source.createCollection('c', { database: 'shop' });
    story.insert(first, [1n]);
    expect(await story.converge(10_000)).toEqual([]);
    for (const pause of [0, 3_000]) {
      const [id] = story.source.collections().keys();
      story.source.dropCollection(id!);
      story.source.dropDatabase('shop');
      await story.wait(pause);
      story.source.createDatabase('shop');
      story.insert(story.source.createCollection('c', { database: 'shop' }), [2n, 3n]);
      expect(await story.converge(20_000)).toEqual([]);
      await story.wait(5_000);
    }
    expect(story.differences()).toEqual([]);
  });

  test('that are dropped while they wait for it leaves nothing behind', async () => {
    await streaming();
    story.target.away = true;
    story.source.createDatabase('shop');
    const id = story.source.createCollection('c', { database: 'shop' });
    await story.wait(5_000);
    story.source.dropCollection(id);
    story.source.dropDatabase('shop');
    await story.wait(5_000);
    story.target.away = false;
    await story.until(() => story.object(id) === undefined && kept('shop') === undefined);
    await story.wait(20_000);
    expect([...story.target.databases.keys()]).toEqual(['default']);
  });

  test('that somebody dropped on the target is made again for a collection, which is not tried in vain', async () => {
    await streaming();
    story.source.createDatabase('shop');
    await story.until(() => kept('shop')?.createdAt !== undefined);
    story.target.databases.delete('shop');
    story.source.createCollection('c', { database: 'shop' });
    expect(await story.converge(10_000)).toEqual([]);
    expect(story.run.counters.retries).toBe(0);
  });

  test.each([65_535, 800])(
    'that somebody drops just before a collection is made in it is made again',
    async (code) => {
      await streaming();
      story.source.createDatabase('shop');
      await story.until(() => onTarget('shop'));
      const create = story.target.create.bind(story.target);
      story.target.create = () => {
        story.target.databases.delete('shop');
        story.target.create = create;
        throw new TargetRefusedError(code, 'database:shop not found');
      };
      story.source.createCollection('c', { database: 'shop' });
      expect(await story.converge(20_000)).toEqual([]);
    },
  );

  test('is not taken from under a collection that is made in it again meanwhile', async () => {
    story = await Story.begin();
    const drop = story.holdBack('dropDatabase');
    await story.start();
    story.source.createDatabase('shop');
    await story.until(() => onTarget('shop'));
    story.source.dropDatabase('shop');
    await story.wait(2_000);
    story.source.createDatabase('shop');
    story.insert(story.source.createCollection('c', { database: 'shop' }), [1n]);
    await story.wait(2_000);
    drop();
    expect(await story.converge(20_000)).toEqual([]);
    expect(story.run.counters.retries).toBe(0);
  });
});

describe('a database that is not this task’s', () => {
  test('is used, and stays with a warning, after a restart too, until its owner drops it', async () => {
    story = await Story.begin();
    story.target.createForeign('shop');
    await story.start();
    story.source.createDatabase('shop');
    const id = story.source.createCollection('c', { database: 'shop' });
    expect(await story.converge(10_000)).toEqual([]);
    story.source.dropCollection(id);
    story.source.dropDatabase('shop');
    await story.until(() => story.run.warnings.length > 0);
    expect([warnings(), onTarget('shop')]).toEqual([[NOT_OURS], true]);
    await story.stop();
    await story.start();
    await story.until(() => story.run.generation === 2 && story.run.warnings.length > 0);
    expect(story.target.violations).toEqual([]);
    story.target.databases.delete('shop');
    await story.until(() => story.run.warnings.length === 0, 90_000);
    expect(kept('shop')).toBeUndefined();
  });

  test('any more, because somebody replaced it, stays as well', async () => {
    await streaming();
    story.source.createDatabase('shop');
    await story.until(() => kept('shop')?.createdAt !== undefined);
    await story.stop();
    story.target.databases.delete('shop');
    story.target.createForeign('shop');
    story.source.dropDatabase('shop');
    await story.start();
    await story.until(() => story.run.warnings.length > 0);
    expect([warnings(), onTarget('shop'), story.target.violations]).toEqual([[NOT_OURS], true, []]);
  });

  test('but holds collections of somebody else stays until they are gone', async () => {
    await streaming();
    story.source.createDatabase('shop');
    const { schema } = story.source.collections().get(story.source.createCollection('x'))!.catalog;
    await story.until(() => onTarget('shop'));
    const name = { database: 'shop', collection: 'theirs' };
    story.target.create({ ...name, schema, shards: 1, consistencyLevel: 2, properties: {} });
    story.source.dropDatabase('shop');
    await story.until(() => story.run.warnings.length > 0);
    expect(warnings()).toEqual([
      "target_foreign: the database shop of the target stays, though the source has dropped its own: it holds collections that are not this task's",
    ]);
    story.target.collections.delete('shop.theirs');
    await story.until(() => !onTarget('shop') && story.run.warnings.length === 0, 90_000);
  });
});

describe('names and scopes', () => {
  test('a mapping of the whole database maps it, for its making and for its drop', async () => {
    await streaming({ mappings: [mapping('shop', 'store')] });
    story.source.createDatabase('shop');
    story.insert(story.source.createCollection('c', { database: 'shop' }), [1n]);
    expect(await story.converge(10_000)).toEqual([]);
    expect([...story.target.databases.keys()]).toEqual(['default', 'store']);
    story.source.dropCollection([...story.source.collections().keys()][0]!);
    story.source.dropDatabase('shop');
    await story.until(() => !onTarget('store'));
  });

  test('two databases that go by one name on the target are there until both are dropped', async () => {
    await streaming({ mappings: [mapping('a', 'x'), mapping('b', 'x')] });
    story.source.createDatabase('a');
    story.source.createDatabase('b');
    await story.until(() => onTarget('x'));
    story.source.dropDatabase('a');
    await story.wait(5_000);
    expect(onTarget('x')).toBe(true);
    story.source.dropDatabase('b');
    await story.until(() => !onTarget('x'));
  });

  test('a mapping of single collections says nothing about their database', async () => {
    await streaming({ mappings: [mapping('shop', 'archive', { c: 'd' })] });
    story.source.createDatabase('shop');
    await story.until(() => onTarget('shop'));
    expect(onTarget('archive')).toBe(false);
    const id = story.source.createCollection('c', { database: 'shop' });
    await story.until(() => story.target.collections.has('archive.d'));
    story.source.dropCollection(id);
    story.source.dropDatabase('shop');
    await story.until(() => !onTarget('shop'));
    await story.wait(20_000);
    expect([...story.target.databases.keys()]).toEqual(['default', 'archive']);
  });

  test('the default database of the target is never touched, whatever is mapped there', async () => {
    await streaming({ mappings: [mapping('shop', 'default')] });
    story.source.createDatabase('shop');
    const id = story.source.createCollection('c', { database: 'shop' });
    await story.until(() => story.target.collections.has('default.c'));
    story.source.dropCollection(id);
    story.source.dropDatabase('shop');
    await story.until(() => story.object(id) === undefined);
    await story.wait(20_000);
    expect([[...story.target.databases.keys()], warnings()]).toEqual([['default'], []]);
  });

  test('a scope of single collections makes the database with the collection only, and leaves it', async () => {
    await streaming({ scope: scopeOf(['shop', 'c']) });
    story.source.createDatabase('shop');
    await story.wait(5_000);
    expect(onTarget('shop')).toBe(false);
    const id = story.source.createCollection('c', { database: 'shop' });
    await story.until(() => story.target.collections.has('shop.c'));
    story.source.dropCollection(id);
    story.source.dropDatabase('shop');
    await story.until(() => story.object(id) === undefined);
    await story.wait(20_000);
    expect([onTarget('shop'), kept('shop'), warnings()]).toEqual([true, undefined, []]);
  });

  test('databases out of scope are left alone', async () => {
    await streaming({ scope: scopeOf(['shop', '*']) });
    story.source.createDatabase('shop');
    story.source.createDatabase('other');
    await story.until(() => onTarget('shop'));
    await story.wait(5_000);
    expect(onTarget('other')).toBe(false);
  });
});

describe('a target that refuses a database', () => {
  function refuse(name: string): void {
    const make = story.target.createDatabase.bind(story.target);
    story.target.createDatabase = (database) => {
      if (database === name) throw new TargetRefusedError(801, 'exceeded the limit number of database');
      make(database);
    };
  }

  test('is warned about, and the others are made', async () => {
    await streaming();
    refuse('bad');
    story.source.createDatabase('bad');
    story.source.createDatabase('good');
    await story.until(() => onTarget('good') && story.run.warnings.length > 0);
    expect(warnings()).toEqual([
      'target_refused: the target refuses the database bad: exceeded the limit number of database (code 801)',
    ]);
    expect(story.phase).toBe('streaming');
    story.source.dropDatabase('bad');
    await story.until(() => story.run.warnings.length === 0);
  });

  test('quarantines the collections in it', async () => {
    await streaming();
    refuse('bad');
    story.source.createDatabase('bad');
    const id = story.source.createCollection('c', { database: 'bad' });
    await story.until(() => story.object(id)?.quarantine !== undefined);
    expect(story.object(id)?.quarantine).toMatchObject({
      code: 'target_refused',
      message: 'the target refuses bad.c: exceeded the limit number of database (code 801)',
    });
  });

  test('knows no databases is no obstacle for the default one', async () => {
    story = await Story.begin();
    const client = story.target.client.bind(story.target);
    story.target.client = (alive) =>
      Object.assign(client(alive), {
        listDatabases: () => Promise.reject(new TargetRefusedError(-12, 'unknown method ListDatabases')),
      });
    await story.start();
    const id = story.source.createCollection('c');
    story.insert(id, [1n]);
    expect(await story.converge(10_000)).toEqual([]);
  });
});

test('a job that begins drops nothing before it has read the catalog', async () => {
  await streaming();
  story.source.createDatabase('shop');
  await story.until(() => onTarget('shop'));
  await story.stop();
  const { databases } = story.target;
  const at = databases.get('shop');
  const catalog = story.holdBackSource('readCatalog');
  await story.start();
  await story.wait(20_000);
  expect(databases.get('shop')).toBe(at);
  catalog();
  await story.until(() => story.phase === 'streaming');
  await story.wait(5_000);
  expect(databases.get('shop')).toBe(at);
});

describe('a crash', () => {
  /** Databases come and go, one of them empty, one with a collection, one that was there before. Answers how many writes
   *  the store saw. */
  async function play(crash: { readonly at: number; readonly executed: boolean } | undefined) {
    story = await Story.begin();
    let writes = 0;
    const { before } = story.store;
    story.store.before = async (call) => {
      await before?.(call);
      if (!['putDatabase', 'deleteDatabase', 'putObject', 'deleteObject'].includes(call.verb)) return;
      if (++writes !== crash?.at) return;
      story.kill();
      if (!crash.executed) await new Promise(() => undefined);
    };
    const pass = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 50) {
        await story.wait(50);
        if (story.process?.alive === false) await story.start();
      }
    };
    story.target.createForeign('theirs');
    await story.start();
    for (const name of ['empty', 'full', 'theirs']) story.source.createDatabase(name);
    const id = story.source.createCollection('c', { database: 'full' });
    story.insert(id, [1n]);
    await pass(2_000);
    story.source.dropDatabase('empty');
    story.source.dropCollection(id);
    story.source.dropDatabase('full');
    story.source.dropDatabase('theirs');
    await pass(200);
    story.source.createDatabase('full');
    await pass(2_000);
    for (let i = 0; i < 60 && story.differences().length > 0; i++) await pass(500);
    expect(story.differences(), JSON.stringify(crash)).toEqual([]);
    expect([...story.target.databases.keys()].sort(), JSON.stringify(crash)).toEqual([
      'default',
      'full',
      'theirs',
    ]);
    story.end();
    return writes;
  }

  test('at any write to the store loses no database and drops none of somebody else', async () => {
    const writes = await play(undefined);
    expect(writes).toBeGreaterThan(8);
    for (let at = 1; at <= writes; at++) {
      await play({ at, executed: false });
      await play({ at, executed: true });
    }
  });
});
