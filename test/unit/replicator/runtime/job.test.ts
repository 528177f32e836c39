import { expect, test } from 'vitest';
import { World } from '../../../support/fakes/world.ts';

test('a young source is copied whole and then followed', async () => {
  const world = new World({ seed: 1, channels: 2 });
  const id = world.source.createCollection('c', { shards: 2 });
  const [partition] = world.source.collections().get(id)!.catalog.partitions.keys();
  world.source.insert(id, partition!, [
    { key: 1n, value: 1 },
    { key: 2n, value: 2 },
  ]);
  await world.create();
  await world.clock.advance(1_000);
  await world.start();
  expect(await world.converge(20_000)).toEqual([]);
  world.source.insert(id, partition!, [{ key: 3n, value: 3 }]);
  world.source.upsert(id, partition!, [{ key: 1n, value: 10 }]);
  world.source.delete(id, [2n]);
  expect(await world.converge(5_000)).toEqual([]);
  await world.clock.advance(4_000);
  const run = world.store.getRun(world.task.id);
  await world.clock.advance(100);
  expect((await run)?.phase).toBe('streaming');
  const end = await world.stop();
  expect(end.exitCode).toBe(0);
  world.end();
});
