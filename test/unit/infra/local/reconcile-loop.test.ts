import { expect, test, vi } from 'vitest';
import { ReconcileLoop } from '../../../../infra/local/reconcile-loop.ts';
import { memoryStores } from '../../../contract/api/stores.ts';
import { World } from '../../../contract/api/world.ts';

const FOO = { collection_infos: [{ name: 'foo' }] };

async function open() {
  const world = await World.open(memoryStores);
  const listeners: ((taskId: string) => void)[] = [];
  const fleet = Object.assign(world.fleet, {
    onExit: (listener: (taskId: string) => void) => {
      listeners.push(listener);
      return () => void listeners.splice(0);
    },
  });
  const { tasks, secrets, log } = world;
  const loop = new ReconcileLoop({ tasks, secrets, log, fleet, now: () => world.now });
  return { world, loop, listeners };
}

test('tasks that should run are started when the loop is', async () => {
  const { world, loop } = await open();
  world.fleet.refusal = new Error('not now');
  const id = await world.create(FOO);
  world.fleet.refusal = undefined;
  world.now += 60_000;
  loop.start();
  await vi.waitFor(() => expect(world.fleet.running).toEqual([id]));
  await loop.stop();
});

test('an exit is looked at when it happens', async () => {
  const { world, loop, listeners } = await open();
  const id = await world.create(FOO);
  loop.start();
  await loop.reconcile(id);
  const before = await world.tasks.getLaunch(id);
  await world.fleet.stop(before?.handle ?? '', 'kill');
  for (const listener of listeners) listener(id);
  await vi.waitFor(async () => expect((await world.tasks.getLaunch(id))?.lastExit?.generation).toBe(1));
  await loop.stop();
  expect(listeners).toEqual([]);
});

test('a loop that was stopped starts nothing any more', async () => {
  const { world, loop } = await open();
  world.fleet.refusal = new Error('not now');
  const id = await world.create(FOO);
  world.fleet.refusal = undefined;
  world.now += 60_000;
  await loop.stop();
  await loop.reconcile(id);
  expect(world.fleet.running).toEqual([]);
});
