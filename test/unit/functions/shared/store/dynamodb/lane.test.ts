import { afterEach, expect, test, vi } from 'vitest';
import { Lane } from '#shared/store/dynamodb/lane.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** Work that ends when it is told to. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { work: () => promise, open: resolve };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('one write is under way at a time, in order, urgent ones first', async () => {
  const lane = new Lane({ failsAll: (error) => error instanceof RangeError });
  const first = gate();
  const order: string[] = [];
  let inFlight = 0;
  const write = (name: string, urgent: boolean) =>
    lane.run(async () => {
      expect(++inFlight).toBe(1);
      order.push(name);
      await settle();
      inFlight--;
    }, urgent);
  const running = lane.run(first.work, false);
  const all = [write('a', false), write('b', false), write('renewal', true), write('c', false)];
  expect(lane.idle).toBe(false);
  first.open();
  await Promise.all([running, ...all]);
  expect(order).toEqual(['renewal', 'a', 'b', 'c']);
  expect(lane.idle).toBe(true);
});

test('a write that comes while the turn is handed on waits', async () => {
  const lane = new Lane({ failsAll: (error) => error instanceof RangeError });
  const [first, second] = [gate(), gate()];
  const started: string[] = [];
  const begin = (name: string, work: () => Promise<void>) =>
    lane.run(() => {
      started.push(name);
      return work();
    }, false);
  const one = begin('one', first.work);
  const two = begin('two', second.work);
  // The newcomer arrives the moment that the first ends.
  const three = one.then(() => begin('three', async () => {}));
  first.open();
  await settle();
  expect(started).toEqual(['one', 'two']);
  second.open();
  await Promise.all([two, three]);
  expect(started).toEqual(['one', 'two', 'three']);
});

test('a write that fails lets the next one through', async () => {
  const lane = new Lane({ failsAll: (error) => error instanceof RangeError });
  const failing = lane.run(async () => {
    throw new Error('no');
  }, false);
  const next = lane.run(async () => 'yes', false);
  await expect(failing).rejects.toThrow('no');
  expect(await next).toBe('yes');
});

test('an urgent write goes ahead of one that hangs, an ordinary one does not', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const lane = new Lane({ failsAll: () => false });
  const hanging = gate();
  const started: string[] = [];
  const running = lane.run(hanging.work, false);
  const ordinary = lane.run(async () => started.push('ordinary'), false);
  const renewal = lane.run(async () => started.push('renewal'), true);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(started).toEqual(['renewal']);
  await renewal;
  expect(started).toEqual(['renewal']);
  hanging.open();
  await Promise.all([running, ordinary]);
  expect(started).toEqual(['renewal', 'ordinary']);
  expect(lane.idle).toBe(true);
});

test('what waits behind a store that is away fails with it, but for urgent writes', async () => {
  const lane = new Lane({ failsAll: (error) => error instanceof RangeError });
  const first = gate();
  const away = lane.run(async () => {
    await first.work();
    throw new RangeError('away');
  }, false);
  const waiting = [lane.run(async () => 'a', false), lane.run(async () => 'b', false)];
  const renewal = lane.run(async () => 'renewed', true);
  first.open();
  const results = await Promise.allSettled([away, ...waiting, renewal]);
  expect(results.map((r) => r.status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled']);
  expect(lane.idle).toBe(true);
  expect(await lane.run(async () => 'later', false)).toBe('later');
});
