import { beforeEach, describe, expect, test } from 'vitest';
import { type ChannelPosition, logTag, packPositions } from '#shared/task/positions.ts';
import type { TaskObject } from '#shared/task/run.ts';
import type { Task } from '#shared/task/task.ts';
import { atRest, inherit, readEstate } from '../../../../replicator/runtime/estate.ts';
import { MemoryTaskStore } from '../../../support/fakes/memory-task-store.ts';
import {
  sampleClaim,
  sampleLaunch,
  sampleObject,
  sampleTask,
  sampleUpdate,
} from '../../../support/fakes/task-samples.ts';

const FOO = { database: 'default', collection: 'foo' };
const TAG = logTag('log');
const heir = sampleTask({ id: 'heir' });

let store: MemoryTaskStore;
beforeEach(() => {
  store = new MemoryTaskStore();
});

function main(channel: string, tick: bigint): ChannelPosition {
  return { channel, logTag: TAG, offset: tick, tick, horizon: tick + 5n };
}

function own(channel: string, tick: number): TaskObject['cursors'][number] {
  return { channel, logTag: TAG, offset: String(tick), tick: String(tick), horizon: String(tick + 1) };
}

/** A task for `foo` that has worked and holds this object. */
async function owner(over: Partial<TaskObject> = {}, task: Partial<Task> = {}): Promise<Task> {
  const it = sampleTask({ scope: { include: [FOO], exclude: [] }, ...task });
  const { revision } = await store.getScope(it.targetIdentity);
  await store.createTask(it, { maxTasks: 9, seen: revision });
  await store.putLaunch(sampleLaunch(it), undefined);
  const run = await store.acquireLease(sampleClaim(it), undefined);
  const fence = { taskId: it.id, incarnation: it.incarnation, owner: run.owner, epoch: run.epoch };
  await store.renewLease(fence, sampleUpdate({ channels: packPositions([main('a', 50n), main('b', 60n)]) }));
  await store.putObject(
    fence,
    sampleObject(it, {
      collectionId: '7',
      source: { database: 'default', name: 'foo', channels: ['a', 'b'] },
      target: { database: 'default', name: 'foo', collectionId: '70' },
      cursors: [own('b', 40)],
      ...over,
    }),
  );
  return it;
}

async function left(over: Partial<TaskObject> = {}, task: Partial<Task> = {}): Promise<Task> {
  const dead = await owner(over, task);
  await store.deleteTask(dead);
  return dead;
}

describe('an estate', () => {
  test('is what a deleted task knew, with a cursor for each channel', async () => {
    await left();
    const [object, ...more] = await readEstate(store, heir, []);
    expect(more).toEqual([]);
    expect(object).toMatchObject({ collectionId: '7', state: 'bound', partitions: { '7': { name: 'p' } } });
    expect(object?.cursors).toEqual([{ ...own('a', 50), horizon: '55' }, own('b', 40)]);
  });

  test('is what a living neighbour left', async () => {
    const neighbour = await owner({
      leftAt: '2030-01-01T00:00:00.000Z',
      cursors: [own('a', 1), own('b', 2)],
    });
    expect(await readEstate(store, heir, [neighbour])).toMatchObject([
      { cursors: [own('a', 1), own('b', 2)] },
    ]);
  });

  test('is the newest of several accounts', async () => {
    for (const tick of [30, 45, 20]) await left({ cursors: [own('a', tick), own('b', tick)] });
    expect(await readEstate(store, heir, [])).toMatchObject([{ cursors: [own('a', 45), own('b', 45)] }]);
  });

  test.each<readonly [string, Partial<TaskObject>, Partial<Task>]>([
    ['was quarantined', { quarantine: { code: 'internal', message: '', since: '2030-01-01T00:00:00Z' } }, {}],
    ['was only found', { state: 'found' }, {}],
    ['went to another name', { target: { database: 'default', name: 'bar' } }, {}],
    ['went to another target', {}, { targetIdentity: 'http://other' }],
    ['is not in scope', { source: { database: 'shop', name: 'foo', channels: [] } }, {}],
    [
      'had its partitions kept in another way',
      {},
      { target: { uri: '', connectTimeoutMs: 1, ignorePartition: true } },
    ],
  ])('is nothing that %s', async (_, object, task) => {
    await left(object, task);
    expect(await readEstate(store, heir, [])).toEqual([]);
  });

  test('is nothing that the user gave a beginning', async () => {
    await left();
    const startPositions = [{ vchannel: 'a_7v0', offset: '1', timestamp: '1' }];
    expect(await readEstate(store, { ...heir, startPositions }, [])).toEqual([]);
    const ofAnother = [{ vchannel: 'a_77v0', offset: '1', timestamp: '1' }];
    expect(await readEstate(store, { ...heir, startPositions: ofAnother }, [])).toHaveLength(1);
  });

  test('is nothing of which one channel is not known', () => {
    const object = sampleObject(heir, { source: { ...FOO, name: 'foo', channels: ['a', 'c'] }, cursors: [] });
    expect(atRest(object, [main('a', 1n)])).toBeUndefined();
  });
});

describe('what is inherited', () => {
  const object = sampleObject(heir, { cursors: [own('a', 5)], leftAt: '2030-01-01T00:00:00.000Z' });
  const source = (extent: { logId?: string; earliestOffset?: bigint }) => ({
    describeChannel: async () => ({ logId: 'log', earliestOffset: 0n, nextOffset: 9n, ...extent }),
    currentTimestamp: async () => 123n,
  });
  const by = (extent: { logId?: string; earliestOffset?: bigint }) =>
    inherit(object, { task: heir, source: source(extent), signal: new AbortController().signal });

  test('is the heir’s from now on, and whatever may have been sent before is sent as upserts', async () => {
    const inherited = await by({ earliestOffset: 5n });
    expect(inherited).toEqual({
      ...{ ...object, leftAt: undefined },
      ...{ taskId: heir.id, incarnation: heir.incarnation, replayUntil: '123' },
    });
    expect(inherited).not.toHaveProperty('leftAt');
  });

  test('is nothing where the log no longer holds where it stood, or is another one', async () => {
    expect(await by({ earliestOffset: 6n })).toBeUndefined();
    expect(await by({ logId: 'another' })).toBeUndefined();
  });
});
