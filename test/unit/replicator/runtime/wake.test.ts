import { expect, test } from 'vitest';
import { Wake } from '../../../../replicator/runtime/wake.ts';
import { SimClock } from '../../../support/fakes/sim-clock.ts';
import { watch } from './watch.ts';

const NEVER = new AbortController().signal;

test('a wait ends at the next notification', async () => {
  const [clock, wake] = [new SimClock(), new Wake()];
  const waiting = watch(wake.wait(NEVER));
  await clock.advance(60_000);
  expect(waiting.state).toBe('pending');
  wake.notify();
  await clock.advance(0);
  expect(waiting.state).toBe('resolved');
});

test('a notification between two waits is not lost, and several count as one', async () => {
  const [clock, wake] = [new SimClock(), new Wake()];
  wake.notify();
  wake.notify();
  const first = watch(wake.wait(NEVER));
  await clock.advance(0);
  const second = watch(wake.wait(NEVER));
  await clock.advance(0);
  expect([first.state, second.state]).toEqual(['resolved', 'pending']);
});

test('a notification that ended a wait does not end the next one', async () => {
  const [clock, wake] = [new SimClock(), new Wake()];
  const first = watch(wake.wait(NEVER));
  wake.notify();
  await clock.advance(0);
  const second = watch(wake.wait(NEVER));
  await clock.advance(0);
  expect([first.state, second.state]).toEqual(['resolved', 'pending']);
});

test('a wait with a limit ends when it is over, and not before', async () => {
  const [clock, wake] = [new SimClock(), new Wake()];
  const waiting = watch(wake.wait(NEVER, { clock, ms: 100 }));
  await clock.advance(99);
  expect(waiting.state).toBe('pending');
  await clock.advance(1);
  expect(waiting.state).toBe('resolved');
});

test('a wait that ended early leaves no timer that ends the next one', async () => {
  const [clock, wake] = [new SimClock(), new Wake()];
  const first = watch(wake.wait(NEVER, { clock, ms: 100 }));
  wake.notify();
  await clock.advance(0);
  const second = watch(wake.wait(NEVER));
  await clock.advance(1_000);
  expect([first.state, second.state]).toEqual(['resolved', 'pending']);
});

test('a wait fails with the reason of the signal, whether it aborts before or meanwhile', async () => {
  const [clock, wake] = [new SimClock(), new Wake()];
  const stop = new AbortController();
  const during = watch(wake.wait(stop.signal, { clock, ms: 100 }));
  stop.abort(new Error('asked to stop'));
  await clock.advance(0);
  const after = watch(wake.wait(stop.signal));
  await clock.advance(0);
  expect([during, after].map(({ state, error }) => [state, String(error)])).toEqual([
    ['rejected', 'Error: asked to stop'],
    ['rejected', 'Error: asked to stop'],
  ]);
});

test('what was notified before an abort is still there for the next wait', async () => {
  const [clock, wake] = [new SimClock(), new Wake()];
  wake.notify();
  watch(wake.wait(AbortSignal.abort()));
  await clock.advance(0);
  const next = watch(wake.wait(NEVER));
  await clock.advance(0);
  expect(next.state).toBe('resolved');
});
