import { expect, test } from 'vitest';
import { Caller, neverStops, serveWorld } from './cdc-world.ts';
import { fakeGateway } from './fake-gateway.ts';

test('a drain pauses every task and ends when nothing is written any more', async () => {
  await using server = await serveWorld();
  using caller = new Caller();
  const { world } = server;
  for (const name of ['a', 'b', 'c']) await world.create({ task_id: name, collection_infos: [{ name }] });
  await world.call('pause', { task_id: 'b' });
  const ended = await caller.call('drain', '--url', server.url);
  expect(ended).toMatchObject({ code: 0, out: 'a\nc\n' });
  expect(ended.err).toMatch(/all tasks are paused and stopped\n$/);
  for (const name of ['a', 'b', 'c']) {
    expect(await world.get(name)).toMatchObject({ state: 'Paused', status: { phase: 'stopped' } });
  }
});

test('a task that is created meanwhile is paused too', async () => {
  await using server = await serveWorld();
  using caller = new Caller();
  const { world } = server;
  await world.create({ task_id: 'a', collection_infos: [{ name: 'a' }] });
  caller.onSleep = async () => {
    caller.onSleep = undefined;
    await world.create({ task_id: 'late', collection_infos: [{ name: 'late' }] });
  };
  expect(await caller.call('drain', '--url', server.url)).toMatchObject({ code: 0, out: 'a\nlate\n' });
});

test('a drain that takes too long names the tasks that may still write', async () => {
  await using server = await serveWorld();
  using caller = new Caller();
  await server.world.create({ task_id: 'a', collection_infos: [{ name: 'a' }] });
  neverStops(server.world);
  const ended = await caller.call('drain', '--url', server.url, '--timeout', '30');
  expect(ended).toMatchObject({ code: 1, out: 'a\n' });
  expect(ended.err).toMatch(/not stopped in time: a; run it again, get shows the reason\n$/);
  const waited = caller.slept.reduce((sum, ms) => sum + ms, 0);
  expect(waited).toBe(30_000);
});

test('an API that is away for a while does not end a drain', async () => {
  await using server = await serveWorld();
  using caller = new Caller();
  const { world } = server;
  await world.create({ task_id: 'a', collection_infos: [{ name: 'a' }] });
  const listTasks = world.tasks.listTasks.bind(world.tasks);
  let refusals = 2;
  world.tasks.listTasks = () => (refusals-- > 0 ? Promise.reject(new Error('away')) : listTasks());
  expect(await caller.call('drain', '--url', server.url)).toMatchObject({ code: 0, out: 'a\n' });
  expect(refusals).toBeLessThan(0);
});

test('an API that refuses the caller ends a drain at once', async () => {
  await using gateway = await fakeGateway({ status: 403, body: '{"message":"Forbidden"}' });
  using caller = new Caller();
  expect(await caller.call('drain', '--url', gateway.url)).toMatchObject({ code: 69 });
  expect(caller.slept).toEqual([]);
});

test('where the API does not show what really happens, that is said', async () => {
  await using server = await serveWorld();
  using caller = new Caller();
  server.world.settings = { ...server.world.settings, showStatus: false };
  await server.world.create({ task_id: 'a', collection_infos: [{ name: 'a' }] });
  const ended = await caller.call('drain', '--url', server.url);
  expect(ended).toMatchObject({ code: 0, out: 'a\n' });
  expect(ended.err).toContain('this API does not show whether replicators have stopped: wait a minute');
});
