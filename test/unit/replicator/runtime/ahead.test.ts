import { afterEach, expect, test } from 'vitest';
import { Story } from './story.ts';

let story: Story;

afterEach(() => story.end());

/** A task that streams one empty collection; ticks come when the test asks for one, and records are in time. */
async function streaming(options: { readonly requestsInFlight?: number } = {}) {
  story = await Story.begin({ settings: options });
  const id = story.source.createCollection('c');
  await story.start();
  await story.until(() => story.phase === 'streaming' && story.target.collections.has('default.c'));
  await story.wait(1_000);
  story.ticks = false;
  story.source.isLate = () => false;
  return id;
}

test('a row is on the target before the tick that covers it', async () => {
  const id = await streaming();
  story.insert(id, [1n]);
  await story.wait(150);
  expect(story.keys('c')).toEqual([1n]);
  story.source.tick();
  await story.wait(1_000);
  expect(story.writes).toEqual(['insert c/_default 1']);
});

test('a delete waits for its tick', async () => {
  const id = await streaming();
  story.insert(id, [1n]);
  story.source.tick();
  story.source.delete(id, [1n]);
  await story.wait(1_000);
  expect(story.keys('c')).toEqual([1n]);
  story.source.tick();
  await story.wait(1_000);
  expect(story.keys('c')).toEqual([]);
});

test('a row survives an older delete of its key that reaches the log after it', async () => {
  const id = await streaming();
  story.source.isLate = () => true;
  story.source.delete(id, [1n]);
  story.source.isLate = () => false;
  story.insert(id, [1n]);
  await story.wait(500);
  expect(story.keys('c')).toEqual([1n]);
  story.source.tick();
  await story.wait(1_000);
  expect(story.keys('c')).toEqual([1n]);
  expect(story.writes.map((write) => write.split(' ')[0])).toEqual(['insert', 'delete', 'upsert']);
});

test('a row that went ahead is not in the checkpoint before it is applied', async () => {
  const id = await streaming();
  story.target.away = true;
  const written = story.source.timestamp();
  story.insert(id, [1n]);
  await story.wait(500);
  story.source.tick();
  await story.wait(10_000);
  expect(BigInt(story.run.watermark ?? 0)).toBeLessThan(written);
  story.target.away = false;
  expect(await story.converge(60_000)).toEqual([]);
  await story.wait(10_000);
  expect(BigInt(story.run.watermark ?? 0)).toBeGreaterThan(written);
});

test('a row that was given up before it was sent arrives when its collection left and rejoined the main cursor', async () => {
  story = await Story.begin({ settings: { requestsInFlight: 1 } });
  const id = story.source.createCollection('c');
  const [letGo, make] = [story.holdBack('write'), story.holdBack('createPartition')];
  await story.start();
  await story.until(() => story.phase === 'streaming' && story.target.collections.has('default.c'));
  await story.wait(1_000);
  story.ticks = false;
  story.source.isLate = () => false;
  story.insert(id, [1n]);
  await story.wait(500);
  // Row 2 is in a partition that the target lacks, and reaches the log after row 3; its tick comes before row 3's.
  story.source.isLate = () => true;
  story.insert(id, [2n], story.source.createPartition(id, 'p'));
  story.source.isLate = () => false;
  const between = story.source.timestamp();
  await story.wait(1);
  story.insert(id, [3n]);
  await story.wait(200);
  story.source.tick(between);
  await story.wait(1_000);
  expect(story.object(id)?.cursors).toHaveLength(1);
  make();
  await story.wait(3_000);
  story.source.tick();
  await story.wait(3_000);
  letGo();
  story.ticks = true;
  expect(await story.converge(30_000)).toEqual([]);
});
