import { afterEach, describe, expect, test } from 'vitest';
import { EXIT } from '#shared/fleet/fleet.ts';
import { unpackPositions } from '#shared/task/positions.ts';
import { isoTime } from '../../../../replicator/runtime/clock.ts';
import { itemKey } from '../../../support/fakes/memory-task-store.ts';
import { sampleClaim, sampleLaunch } from '../../../support/fakes/task-samples.ts';
import type { WorldOptions } from '../../../support/fakes/world.ts';
import { Story } from './story.ts';

let story: Story;

afterEach(() => story.end());

async function begin(options: Partial<WorldOptions> = {}): Promise<void> {
  story = await Story.begin(options);
}

/** A collection whose rows are on the target already, with its job running. */
async function running(options: Partial<WorldOptions> = {}): Promise<bigint> {
  await begin(options);
  const id = story.source.createCollection('c');
  story.insert(id, [1n, 2n]);
  await story.start();
  expect(await story.converge(10_000)).toEqual([]);
  await story.until(() => story.phase === 'streaming');
  return id;
}

describe('a paused task', () => {
  test('goes on where it stopped and sends nothing a second time', async () => {
    const id = await running();
    expect((await story.stop()).exitCode).toBe(EXIT.stopped);
    expect([story.phase, story.run.released]).toEqual(['stopped', 'drained']);
    story.insert(id, [3n]);
    await story.wait(60_000);
    story.writes.length = 0;
    await story.start();
    expect(await story.converge(10_000)).toEqual([]);
    expect(story.writes.map((write) => write.split(' ').at(-1))).toEqual(['3']);
  });

  test('sends rows up to its horizon as upserts and plain inserts beyond', async () => {
    const id = await running();
    await story.stop();
    const [position] = unpackPositions(story.run.channels);
    story.insert(id, [3n]);
    expect(story.source.timestamp()).toBeLessThan(position!.horizon);
    await story.wait(60_000);
    story.insert(id, [4n]);
    story.writes.length = 0;
    await story.start();
    expect(await story.converge(10_000)).toEqual([]);
    expect(story.writes).toEqual(['upsert c/_default 3', 'insert c/_default 4']);
  });
});

describe('a collection that cannot go on', () => {
  test('is quarantined by what the target refuses while others go on, and catches up when that is over', async () => {
    await begin();
    const [bad, good] = [story.source.createCollection('bad'), story.source.createCollection('good')];
    story.refuses = (request) => request.collection === 'bad';
    await story.start();
    story.insert(bad, [1n]);
    story.insert(good, [1n]);
    await story.until(() => story.object(bad)?.quarantine !== undefined);
    expect(story.object(bad)?.quarantine).toMatchObject({
      code: 'target_refused',
      message: 'the target refuses changes of default.bad: invalid parameter (code 1100)',
    });
    story.insert(bad, [2n]);
    story.insert(good, [2n]);
    await story.until(() => story.keys('good').length === 2);
    expect([story.keys('bad'), story.phase, story.process?.end]).toEqual([[], 'streaming', undefined]);
    await story.stop();
    story.refuses = () => false;
    await story.start();
    expect(await story.converge(10_000)).toEqual([]);
    await story.until(() => story.object(bad)?.quarantine === undefined);
  });

  test('is quarantined by something else under its name, which stays as it is', async () => {
    await begin();
    const theirs = { database: 'default', collection: 'taken' };
    const id = story.source.createCollection('taken');
    const { schema } = story.source.collections().get(id)!.catalog;
    const [key] = schema.fields;
    const other = { ...schema, fields: [key!] };
    story.target.create({ ...theirs, schema: other, shards: 1, consistencyLevel: 2, properties: {} });
    const good = story.source.createCollection('good');
    await story.start();
    story.insert(id, [1n]);
    story.insert(good, [1n]);
    await story.until(() => story.keys('good').length === 1 && story.object(id)?.quarantine !== undefined);
    expect(story.object(id)?.quarantine).toMatchObject({
      code: 'target_foreign',
      message: `default.taken exists on the target and does not fit: the target's collection has no field value`,
    });
    story.source.dropCollection(id);
    await story.wait(20_000);
    expect([story.target.find(theirs)?.rows, story.writes.filter((w) => w.includes('taken'))]).toEqual([
      [],
      [],
    ]);
  });

  test('is quarantined when somebody replaces it on the target, and that is not dropped with it', async () => {
    const id = await running();
    await story.stop();
    const { schema } = story.source.collections().get(id)!.catalog;
    story.target.collections.clear();
    const name = { database: 'default', collection: 'c' };
    story.target.create({ ...name, schema, shards: 1, consistencyLevel: 2, properties: {} });
    story.insert(id, [3n]);
    await story.start();
    await story.until(() => story.object(id)?.quarantine !== undefined);
    expect(story.object(id)?.quarantine?.code).toBe('target_foreign');
    story.source.dropCollection(id);
    await story.until(() => story.object(id) === undefined);
    expect([story.target.find(name)?.rows, story.target.violations]).toEqual([[], []]);
  });
});

test('a collection that the target has already is taken over where it fits, and no row is doubled', async () => {
  await begin();
  const id = story.source.createCollection('c');
  story.insert(id, [1n, 2n]);
  const { schema } = story.source.collections().get(id)!.catalog;
  const name = { database: 'default', collection: 'c' };
  story.target.create({ ...name, schema, shards: 1, consistencyLevel: 2, properties: {} });
  story.target.find(name)?.rows.push({ key: 1n, value: -1, partition: '_default' });
  await story.start();
  expect(await story.converge(10_000)).toEqual([]);
  expect(story.object(id)).toMatchObject({ createdHere: false, state: 'bound' });
  await story.wait(10_000);
  story.writes.length = 0;
  story.insert(id, [3n]);
  expect(await story.converge(10_000)).toEqual([]);
  expect(story.writes).toEqual(['insert c/_default 3']);
});

test('a task of another stack goes on where this one’s stood, and doubles nothing that came after', async () => {
  const id = await running();
  await story.wait(10_000);
  const [place] = unpackPositions(story.run.channels);
  story.insert(id, [3n]);
  expect(await story.converge(10_000)).toEqual([]);
  await story.stop();
  story.insert(id, [4n]);

  // All that the other stack knows: how the task was created, and the positions of an old export.
  const { items } = story.store;
  for (const key of [
    itemKey('run', story.task.id),
    itemKey('object', story.task.id, story.task.incarnation, String(id)),
  ])
    items.delete(key);
  const vchannel = `dml_0_${id}v7`;
  const start = { vchannel, offset: String(place!.offset), timestamp: String(place!.tick) };
  items.set(itemKey('task', story.task.id), { ...story.task, startPositions: [start] });
  story.writes.length = 0;
  await story.start();
  expect(await story.converge(10_000)).toEqual([]);
  expect(story.keys('c')).toEqual([1n, 2n, 3n, 4n]);
  expect(story.writes.flatMap((write) => write.split(' ').at(-1)?.split(',') ?? [])).toEqual(['3', '4']);
  expect(story.writes[0]).toMatch(/^upsert /);
});

describe('a log that lost what was not applied yet', () => {
  test('parks the task: the job fails for good and says what to do', async () => {
    const id = await running();
    await story.stop();
    story.insert(id, [3n]);
    await story.wait(1_000);
    story.source.loseHistory('dml_0');
    await story.start();
    await story.until(() => story.process?.end !== undefined);
    expect(story.process?.end).toMatchObject({ exitCode: EXIT.permanent, code: 'history_lost' });
    expect(story.run).toMatchObject({ phase: 'failed', reason: { code: 'history_lost' } });
    expect(story.run.reason?.message).toMatch(/delete the task and create it again$/);
    expect(story.keys('c')).toEqual([1n, 2n]);
  });

  test('does so as well when it was deleted and made anew, whatever it holds', async () => {
    await running();
    await story.stop();
    const describeChannel = story.source.describeChannel.bind(story.source);
    story.source.describeChannel = async (channel, signal) => ({
      ...(await describeChannel(channel, signal)),
      logId: 'another',
    });
    await story.start();
    await story.until(() => story.process?.end !== undefined);
    expect(story.process?.end).toMatchObject({ exitCode: EXIT.permanent, code: 'history_lost' });
  });
});

test('a collection that is older than the log is followed from now on, and its owner is told', async () => {
  await begin();
  const old = story.source.createCollection('old');
  story.insert(old, [1n]);
  await story.wait(1_000);
  story.source.loseHistory('dml_0');
  const young = story.source.createCollection('young');
  story.insert(young, [1n]);
  await story.start();
  await story.until(() => story.phase === 'streaming' && story.keys('young').length === 1);
  story.insert(old, [2n]);
  story.insert(young, [2n]);
  await story.until(() => story.keys('old').length === 1 && story.keys('young').length === 2);
  expect([story.keys('old'), story.keys('young')]).toEqual([[2n], [1n, 2n]]);
  expect(story.object(old)?.warnings).toEqual([
    {
      code: 'history_partial',
      message:
        'the log no longer reaches back to the creation of default.old; it is followed from now on, and rows from before are not copied',
    },
  ]);
  expect(story.object(young)?.warnings).toEqual([]);
});

test('a collection that is made while its channel is being opened is followed from its beginning', async () => {
  await begin();
  const old = story.source.createCollection('old');
  await story.wait(1_000);
  story.source.loseHistory('dml_0');
  const describeChannel = story.holdBackSource('describeChannel');
  await story.start();
  await story.wait(500);
  const readCatalog = story.holdBackSource('readCatalog');
  const young = story.source.createCollection('young');
  story.insert(young, [1n]);
  await story.wait(500);
  describeChannel();
  await story.wait(500);
  readCatalog();
  await story.until(() => story.phase === 'streaming');
  story.insert(young, [2n]);
  await story.until(() => story.keys('young').length === 2);
  expect([story.object(old)?.warnings.length, story.object(young)?.warnings]).toEqual([1, []]);
});

describe('an object that is dropped and made again under its name', () => {
  test('is another collection: nothing of the old one is left', async () => {
    const id = await running();
    const before = story.object(id)?.target.collectionId;
    story.source.dropCollection(id);
    const again = story.source.createCollection('c');
    story.insert(again, [2n, 3n]);
    expect(await story.converge(20_000)).toEqual([]);
    await story.until(() => story.object(id) === undefined);
    expect(story.object(again)?.target.collectionId).not.toBe(before);
    expect(story.keys('c')).toEqual([2n, 3n]);
  });

  test('is another partition, also when both happen between two ticks', async () => {
    const id = await running();
    story.insert(id, [10n, 11n], story.source.createPartition(id, 'p'));
    expect(await story.converge(10_000)).toEqual([]);
    story.source.dropPartition(id, story.partition(id, 'p'));
    story.insert(id, [11n, 12n], story.source.createPartition(id, 'p'));
    expect(await story.converge(20_000)).toEqual([]);
    expect(story.keys('c')).toEqual([1n, 2n, 11n, 12n]);
  });

  test('is so while the task is paused, too', async () => {
    const id = await running();
    await story.stop();
    story.source.dropCollection(id);
    const again = story.source.createCollection('c');
    story.insert(again, [3n]);
    await story.wait(10_000);
    await story.start();
    expect(await story.converge(20_000)).toEqual([]);
    expect(story.keys('c')).toEqual([3n]);
  });
});

test('rows of a collection that came and went while nobody looked are counted, all of them', async () => {
  const id = await running();
  await story.stop();
  const short = story.source.createCollection('short');
  for (let key = 1n; key <= 100n; key++) {
    story.insert(short, [key]);
    await story.wait(300);
  }
  story.source.dropCollection(short);
  await story.wait(10_000);
  story.insert(id, [3n]);
  await story.start();
  expect(await story.converge(10_000)).toEqual([]);
  await story.wait(5_000);
  expect(story.run.counters.rowsOfDroppedCollections).toBe(100);
  expect(story.writes.filter((write) => write.includes('short'))).toEqual([]);
});

describe('while a neighbour is away', () => {
  test('the job says that it is the source, and goes on when it is back', async () => {
    const id = await running();
    story.source.away = true;
    await story.until(() => story.phase === 'retrying');
    expect(story.run.reason).toEqual({ code: 'source_unavailable', message: 'the source is away' });
    story.source.away = false;
    story.insert(id, [3n]);
    await story.until(() => story.phase === 'streaming');
    expect(story.run.reason).toBeUndefined();
    expect(await story.converge(15_000)).toEqual([]);
  });

  test('the job says that it is the target, and goes on when it is back', async () => {
    const id = await running();
    story.target.away = true;
    story.insert(id, [3n]);
    await story.until(() => story.phase === 'retrying');
    expect(story.run.reason).toEqual({ code: 'target_unavailable', message: 'the target is away' });
    story.target.away = false;
    await story.until(() => story.phase === 'streaming');
    expect(await story.converge(15_000)).toEqual([]);
    expect(story.process?.end).toBeUndefined();
  });
});

describe('two jobs of one task', () => {
  test('the one that lost the lease sends nothing any more and ends', async () => {
    const id = await running();
    const { task, store, clock } = story;
    await Promise.all([
      (async () => {
        await store.putLaunch(sampleLaunch(task, { generation: 2 }), 1);
        const claim = sampleClaim(task, { generation: 2, leaseExpiresAt: isoTime(clock) });
        await store.acquireLease(claim, story.run);
      })(),
      story.wait(200),
    ]);
    await story.until(() => story.process?.end !== undefined);
    expect(story.process?.end).toMatchObject({ exitCode: EXIT.retry, code: 'lease_lost' });
    story.writes.length = 0;
    story.insert(id, [3n]);
    await story.wait(20_000);
    expect([story.writes, story.run.generation]).toEqual([[], 2]);
  });

  test('the second one waits for as long as the first one lives, and takes over where it stopped', async () => {
    const id = await running();
    const first = story.process!;
    await story.start(false);
    for (let key = 10n; key < 70n; key++) {
      story.insert(id, [key]);
      await story.wait(1_000);
    }
    expect([story.run.generation, first.end]).toEqual([1, undefined]);
    expect(await story.converge(5_000)).toEqual([]);
    first.stop.abort();
    await story.until(() => story.run.generation === 2);
    story.insert(id, [100n]);
    expect(await story.converge(10_000)).toEqual([]);
    expect(first.end?.exitCode).toBe(EXIT.stopped);
  });

  test('the second one waits out a first one that fell silent, and no row is lost or doubled', async () => {
    const id = await running();
    const { settings } = story;
    story.kill();
    story.insert(id, [3n]);
    const killedAt = story.clock.monotonic();
    await story.start(false);
    await story.until(() => story.run.generation === 2);
    const patience = settings.leaseMs + settings.requestDeadlineMs + settings.settleMs;
    expect(story.clock.monotonic() - killedAt).toBeGreaterThanOrEqual(patience);
    expect(await story.converge(10_000)).toEqual([]);
  });
});
