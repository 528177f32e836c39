import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { TaskStore } from '#shared/store/task-store.ts';
import { ITEM_VERSION } from '#shared/task/task.ts';
import { sweep } from '../../../functions/reconcile/reconciler.ts';
import { type Dynamodb, startDynamodb } from '../../support/dynamodb.ts';
import { MemorySecretStore } from '../../support/fakes/memory-secret-store.ts';
import {
  sampleClaim,
  sampleDatabase,
  sampleObject,
  sampleTask,
  sampleUpdate,
} from '../../support/fakes/task-samples.ts';
import { allStoredItems, type StoredItems } from '../../support/stored-items/files.ts';
import { readStory } from '../../support/stored-items/story.ts';
import { World } from '../api/world.ts';
import type { TaskStoreHarness } from '../kits/task-store.ts';
import { dynamoHarness, sqliteHarness } from './harnesses.ts';

let dynamodb: Dynamodb;
beforeAll(async () => {
  dynamodb = await startDynamodb();
});
afterAll(() => dynamodb?.stop());

const STORES: readonly (readonly [string, (items?: StoredItems) => Promise<TaskStoreHarness>])[] = [
  ['SQLite', sqliteHarness],
  ['DynamoDB', (items) => dynamoHarness(dynamodb, items)],
];

/** What this release and the one before it wrote; older ones are not read. */
const READABLE = allStoredItems().filter(({ itemVersion }) => itemVersion >= ITEM_VERSION - 1);
const CASES = STORES.flatMap(([name, open]) => READABLE.map((items) => ({ name, open, items })));

describe.each(CASES)('what release $items.release left in $name', ({ open, items }) => {
  async function store(): Promise<TaskStore> {
    const harness = await open(items);
    onTestFinished(() => harness.close());
    return harness.store;
  }

  test('is read as that release read it', async () => {
    expect(asJson(await readStory(await store()))).toMatchObject(asJson(items.contents));
  });

  test('is gone on with: launched anew, its lease taken over, its positions kept', async () => {
    const tasks = await store();
    const [task, launch, run] = [
      await tasks.getTask('rich'),
      await tasks.getLaunch('rich'),
      await tasks.getRun('rich'),
    ];
    if (task === undefined || launch === undefined || run === undefined) throw new Error('no such task');
    const generation = launch.generation + 1;
    await tasks.putLaunch({ ...launch, generation, version: ITEM_VERSION }, launch.generation);
    const claimed = await tasks.acquireLease(sampleClaim(task, { generation }), run);
    expect(claimed).toMatchObject({ version: ITEM_VERSION, epoch: run.epoch + 1, watermark: run.watermark });
    expect(claimed.channels).toEqual(run.channels);
    expect(claimed.counters).toEqual(run.counters);
    await tasks.renewLease(claimed, sampleUpdate());
    await tasks.putObject(claimed, sampleObject(task, { version: ITEM_VERSION, loaded: false }));
    expect((await tasks.listObjects(task)).map((o) => o.loaded)).toEqual([false, true]);
    const database = sampleDatabase(task, { version: ITEM_VERSION, name: 'new' });
    await tasks.putDatabase(claimed, database);
    expect(await tasks.listDatabases(task)).toContainEqual(database);
  });

  test('is paused, resumed, deleted and purged, and frees its scope and its place', async () => {
    const tasks = await store();
    const task = await tasks.getTask('paused');
    if (task === undefined) throw new Error('no such task');
    const resumed = await tasks.setDesired(task, 'Running', '');
    await tasks.setDesired(resumed, 'Paused', 'again');
    await tasks.deleteTask(task);
    for (const tombstone of await tasks.listTombstones()) await tasks.purge(tombstone);
    expect(await tasks.listTombstones()).toEqual([]);
    expect([await tasks.getLaunch(task.id), await tasks.getRun(task.id)]).toEqual([undefined, undefined]);
    const scope = await tasks.getScope(task.targetIdentity);
    expect(scope.taskIds).not.toContain(task.id);
    const young = sampleTask({ id: task.id, targetIdentity: task.targetIdentity, version: ITEM_VERSION });
    const maxTasks = items.contents.tasks.length;
    await tasks.createTask(young, { maxTasks, seen: scope.revision });
  });
});

describe.each(STORES)('an item of a newer version in %s', (_, open) => {
  /** Two tasks that run; of the first, one item was written by a newer release. */
  async function world(kind: 'task' | 'launch' | 'run') {
    const harness = await open();
    const stores = { tasks: harness.store, secrets: new MemorySecretStore(), close: () => harness.close() };
    const world = await World.open(async () => stores);
    onTestFinished(() => world[Symbol.asyncDispose]());
    for (const name of ['a', 'b']) await world.create({ task_id: name, collection_infos: [{ name }] });
    const task = await world.tasks.getTask('a');
    if (task === undefined) throw new Error('not created');
    await harness.spoil({ kind, task }, 'newer');
    return world;
  }

  test.each(['task', 'launch', 'run'] as const)(
    'keeps no other task from being reconciled (%s)',
    async (kind) => {
      const w = await world(kind);
      const handle = (await w.tasks.getLaunch('b'))?.handle ?? '';
      await w.fleet.stop(handle, 'kill');
      const { tasks, fleet, secrets, log } = w;
      const deps = { tasks, fleet, secrets, log, now: () => w.now };
      expect(await sweep(deps)).toMatchObject({ checked: 2, failed: 1 });
      w.now += 60_000;
      expect(await sweep(deps)).toMatchObject({ checked: 2, failed: 1 });
      expect(await tasks.getLaunch('b')).toMatchObject({ generation: 2 });
      expect(await tasks.listTaskIds()).toEqual(['a', 'b']);
    },
  );

  test.each(['task', 'launch', 'run'] as const)(
    'is answered by a sentence that says what to do (%s)',
    async (kind) => {
      const w = await world(kind);
      const sentence = new RegExp(`${kind}.* a was written by a newer release .*; go back to that release`);
      for (const [type, data] of [
        ['get', { task_id: 'a' }],
        ['list', {}],
        ['pause', { task_id: 'a' }],
      ] as const) {
        const answer = await w.call(type, data);
        expect(answer).toMatchObject({ code: 500, message: expect.stringMatching(sentence) });
      }
      expect((await w.call('get', { task_id: 'b' })).code).toBe(200);
    },
  );
});

/** A member that is undefined and one that is not there are the same. */
function asJson(value: unknown): object {
  const replace = (_: string, member: unknown) =>
    member instanceof Uint8Array ? Buffer.from(member).toString('base64') : member;
  return JSON.parse(JSON.stringify(value, replace)) as object;
}
