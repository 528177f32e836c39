import { expect, test } from 'vitest';
import { Backoff } from '../../../../replicator/runtime/backoff.ts';
import { SimClock } from '../../../support/fakes/sim-clock.ts';
import { watch } from './watch.ts';

const NEVER = new AbortController().signal;

/** Milliseconds that each of the next waits takes. */
async function waits(clock: SimClock, backoff: Backoff, count: number): Promise<number[]> {
  const out: number[] = [];
  for (let i = 0; i < count; i++) {
    const from = clock.monotonic();
    let took = -1;
    void backoff.wait(NEVER).then(() => {
      took = clock.monotonic() - from;
    });
    await clock.advance(20_000);
    out.push(took);
  }
  return out;
}

test('each wait is twice the one before, up to a cap', async () => {
  const clock = new SimClock(() => 1);
  const backoff = new Backoff({ clock, firstMs: 100, capMs: 500 });
  expect(await waits(clock, backoff, 5)).toEqual([100, 200, 400, 500, 500]);
});

test('half of a wait is left to chance, so that those who failed together do not come back together', async () => {
  const lucky = new SimClock(() => 0);
  expect(await waits(lucky, new Backoff({ clock: lucky, firstMs: 100 }), 2)).toEqual([50, 100]);
});

test('it begins anew once something worked', async () => {
  const clock = new SimClock(() => 1);
  const backoff = new Backoff({ clock, firstMs: 100 });
  await waits(clock, backoff, 3);
  expect(backoff.nextMs).toBe(800);
  backoff.reset();
  expect(await waits(clock, backoff, 2)).toEqual([100, 200]);
});

test('it begins with a fifth of a second and ends at ten seconds', async () => {
  const clock = new SimClock(() => 1);
  expect(await waits(clock, new Backoff({ clock }), 8)).toEqual([
    200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000,
  ]);
});

test('a wait ends with the reason of the signal as soon as it aborts', async () => {
  const clock = new SimClock();
  const stop = new AbortController();
  const waiting = watch(new Backoff({ clock }).wait(stop.signal));
  await clock.advance(10);
  stop.abort(new Error('asked to stop'));
  await clock.advance(0);
  expect([waiting.state, String(waiting.error)]).toEqual(['rejected', 'Error: asked to stop']);
});
