import { expect, test } from 'vitest';
import { WaitSet } from '../../../../replicator/runtime/wait-set.ts';
import { SimClock } from '../../../support/fakes/sim-clock.ts';
import { watch } from './watch.ts';

const NEVER = new AbortController().signal;
const clock = new SimClock();

test('a notification ends all waits that are there', async () => {
  const set = new WaitSet();
  const waits = [watch(set.next(NEVER)), watch(set.next(NEVER))];
  await clock.advance(0);
  expect(waits.map(({ state }) => state)).toEqual(['pending', 'pending']);
  set.notify();
  await clock.advance(0);
  expect(waits.map(({ state }) => state)).toEqual(['resolved', 'resolved']);
});

test('a wait is for the next notification, not for one that was', async () => {
  const set = new WaitSet();
  set.notify();
  const late = watch(set.next(NEVER));
  await clock.advance(0);
  expect(late.state).toBe('pending');
});

test('an abort ends its own wait with its reason and no other one', async () => {
  const set = new WaitSet();
  const stop = new AbortController();
  const [mine, other] = [watch(set.next(stop.signal)), watch(set.next(NEVER))];
  stop.abort(new Error('asked to stop'));
  await clock.advance(0);
  expect([mine.state, String(mine.error), other.state]).toEqual([
    'rejected',
    'Error: asked to stop',
    'pending',
  ]);
  const after = watch(set.next(stop.signal));
  await clock.advance(0);
  expect(after.state).toBe('rejected');
});
