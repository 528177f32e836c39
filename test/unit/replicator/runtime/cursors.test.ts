import { afterEach, describe, expect, test } from 'vitest';
import { SourceUnavailableError } from '../../../../replicator/source/change-source.ts';
import { Story } from './story.ts';

let story: Story;

afterEach(() => story.end());

describe('rows that wait for a farther horizon when their collection leaves the main cursor', () => {
  /** A job whose lease lasts long enough to let its horizon fall behind: row 2 waits for the next renewal, and row 3, in
   *  a partition that the target does not make yet, has given the collection a cursor of its own. */
  async function leaving(): Promise<{
    readonly id: bigint;
    /** Let go of what is held back: the renewal, the own cursor's write, the partition. */
    readonly renew: () => void;
    readonly write: () => void;
    readonly make: () => void;
  }> {
    story = await Story.begin({ settings: { leaseMs: 60_000 } });
    const id = story.source.createCollection('c');
    story.insert(id, [1n]);
    const make = story.holdBack('createPartition');
    await story.start();
    expect(await story.converge(10_000)).toEqual([]);
    await story.until(() => story.object(id)?.cursors.length === 0, 60_000);
    const renew = story.holdBackStore('renewLease');
    await story.wait(20_000);
    story.insert(id, [2n]);
    await story.wait(1_000);
    expect(story.keys('c')).toEqual([1n]);
    const write = story.holdBackStore('putObject');
    story.insert(id, [3n], story.source.createPartition(id, 'p'));
    await story.wait(1_000);
    return { id, renew, write, make };
  }

  test('arrive once when the own cursor is durable first', async () => {
    const { id, renew, write, make } = await leaving();
    write();
    await story.wait(1_000);
    expect(story.object(id)?.cursors).toHaveLength(1);
    renew();
    await story.wait(1_000);
    make();
    expect(await story.converge(10_000)).toEqual([]);
  });

  test('arrive once when the farther horizon is durable first', async () => {
    const { id, renew, write, make } = await leaving();
    renew();
    await story.wait(5_000);
    expect(story.object(id)?.cursors).toHaveLength(0);
    write();
    await story.wait(1_000);
    make();
    expect(await story.converge(10_000)).toEqual([]);
  });
});

test('a collection that is quarantined while its cursor catches up leaves the job responsive', async () => {
  story = await Story.begin();
  const id = story.source.createCollection('c');
  story.insert(id, [1n]);
  await story.start();
  expect(await story.converge(10_000)).toEqual([]);
  await story.until(() => story.object(id)?.cursors.length === 0, 60_000);
  await story.stop();
  story.insert(id, [2n]);
  await story.wait(120_000);
  story.refuses = ({ kind }) => kind === 'upsert';
  // The quarantine is durable late, so that its cursor meets ticks beyond its horizon meanwhile.
  const { before } = story.store;
  story.store.before = async (call) => {
    await before?.(call);
    if (call.verb === 'putObject') await story.clock.sleep(1_000);
  };
  // A loop in which no time passes would never end; it is told by how often it looks at the clock.
  const monotonic = story.clock.monotonic.bind(story.clock);
  let looks = 0;
  story.clock.monotonic = () => {
    if (++looks > 200_000) throw new Error('the job is busy with nothing');
    return monotonic();
  };
  await story.start();
  await story.until(() => story.object(id)?.quarantine !== undefined);
  await story.wait(5_000);
  expect([story.process?.end, story.phase]).toEqual([undefined, 'streaming']);
});

test('a collection whose partition is not there yet does not hold up another one in its channel', async () => {
  story = await Story.begin();
  const [a, b] = [story.source.createCollection('a'), story.source.createCollection('b')];
  const make = story.holdBack('createPartition');
  await story.start();
  await story.until(() => story.phase === 'streaming');
  story.insert(a, [1n], story.source.createPartition(a, 'p'));
  story.insert(a, [2n]);
  story.insert(b, [1n]);
  await story.until(() => story.keys('b').length === 1);
  expect(story.keys('a')).toEqual([]);
  make();
  expect(await story.converge(10_000)).toEqual([]);
});

test('a cursor of its own ends when it has caught up with the main one, and is forgotten later', async () => {
  story = await Story.begin();
  const id = story.source.createCollection('c');
  const make = story.holdBack('createPartition');
  await story.start();
  await story.until(() => story.phase === 'streaming');
  story.insert(id, [1n], story.source.createPartition(id, 'p'));
  await story.until(() => story.object(id)?.cursors.length === 1);
  make();
  await story.until(() => story.object(id)?.cursors.length === 0, 60_000);
  story.insert(id, [2n]);
  expect(await story.converge(5_000)).toEqual([]);
});

describe('the watermark', () => {
  test('does not pass rows of a collection that waits to be made on the target', async () => {
    story = await Story.begin();
    const [id, other] = [story.source.createCollection('c'), story.source.createCollection('other')];
    const make = story.holdBack('createCollection');
    await story.start();
    story.insert(id, [1n]);
    story.insert(other, [1n]);
    const written = story.source.timestamp();
    await story.wait(20_000);
    expect(BigInt(story.run.watermark ?? '0')).toBeLessThan(written);
    make();
    expect(await story.converge(10_000)).toEqual([]);
    await story.wait(2_000);
    expect(BigInt(story.run.watermark ?? '0')).toBeGreaterThan(written);
  });

  test('does not pass rows that the target has not taken', async () => {
    story = await Story.begin();
    const id = story.source.createCollection('c');
    await story.start();
    await story.until(() => story.phase === 'streaming');
    story.target.away = true;
    story.insert(id, [1n]);
    const written = story.source.timestamp();
    await story.wait(20_000);
    expect(BigInt(story.run.watermark ?? '0')).toBeLessThan(written);
    story.target.away = false;
    await story.wait(15_000);
    expect(BigInt(story.run.watermark ?? '0')).toBeGreaterThan(written);
  });

  test('leaves a quarantined collection out, which is reported apart', async () => {
    story = await Story.begin();
    const id = story.source.createCollection('c');
    story.refuses = () => true;
    await story.start();
    story.insert(id, [1n]);
    await story.until(() => story.object(id)?.quarantine !== undefined);
    const later = story.source.timestamp();
    await story.wait(5_000);
    expect(BigInt(story.run.watermark ?? '0')).toBeGreaterThan(later);
  });

  test('stands still while the catalog cannot be read, because a new collection would not be seen', async () => {
    story = await Story.begin();
    const id = story.source.createCollection('c');
    await story.start();
    await story.until(() => story.phase === 'streaming');
    const { readCatalog } = story.source;
    story.source.readCatalog = async () => {
      throw new SourceUnavailableError('etcd is away');
    };
    story.source.createPartition(id, 'p');
    await story.until(() => story.phase === 'retrying');
    const lost = story.source.timestamp();
    story.insert(id, [1n]);
    await story.until(() => story.keys('c').length === 1);
    await story.wait(5_000);
    expect(BigInt(story.run.watermark ?? '0')).toBeLessThan(lost);
    story.source.readCatalog = readCatalog;
    await story.until(() => story.phase === 'streaming');
    await story.wait(5_000);
    expect(BigInt(story.run.watermark ?? '0')).toBeGreaterThan(lost);
  });

  test('advances while nothing is written', async () => {
    story = await Story.begin();
    story.source.createCollection('c');
    await story.start();
    await story.until(() => story.phase === 'streaming');
    const now = story.source.timestamp();
    await story.wait(5_000);
    expect(BigInt(story.run.watermark ?? '0')).toBeGreaterThan(now);
  });
});

describe('two collections of the source with one name on the target', () => {
  test('are told apart when the second one is made while the target is asked about the first', async () => {
    story = await Story.begin();
    const id = story.source.createCollection('c');
    const answer = story.holdBack('describeCollection');
    await story.start();
    await story.wait(300);
    story.source.dropCollection(id);
    const again = story.source.createCollection('c');
    story.insert(again, [1n]);
    await story.wait(300);
    answer();
    expect(await story.converge(20_000)).toEqual([]);
    await story.wait(20_000);
    expect([story.differences(), story.object(again)?.quarantine]).toEqual([[], undefined]);
  });

  test('are never put into one when a mapping sends both there', async () => {
    const toOne = ['a', 'b'].map((sourceDatabase) => ({
      sourceDatabase,
      targetDatabase: 'default',
      collections: {},
    }));
    story = await Story.begin({}, { mappings: toOne });
    for (const database of ['a', 'b']) story.source.createDatabase(database);
    const [a, b] = ['a', 'b'].map((database) => story.source.createCollection('c', { database }));
    story.insert(a!, [1n]);
    story.insert(b!, [2n]);
    await story.start();
    await story.wait(20_000);
    expect(story.keys('c')).toHaveLength(1);
  });
});
