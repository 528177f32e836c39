import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Horizon } from '../../../../replicator/engine/horizon.ts';
import { composeTimestamp } from '../../../../replicator/wire/hybrid-timestamp.ts';

const NOW = 1_700_000_000_000;
const at = (ms: number) => composeTimestamp(NOW + ms);

/** A write of the horizon that succeeds at once. */
function raise(horizon: Horizon): bigint {
  const next = horizon.next();
  horizon.raised(next);
  return next;
}

test('a horizon that nobody asks anything of stays where it was promised', () => {
  const horizon = new Horizon(at(0));
  expect([horizon.durable, horizon.next(), horizon.short]).toEqual([at(0), at(0), false]);
});

test('what is beyond the promise waits until a farther one is durable', () => {
  const horizon = new Horizon(at(0));
  horizon.note(at(0));
  expect(horizon.short).toBe(false);
  horizon.note(at(0) + 1n);
  expect(horizon.short).toBe(true);
  const next = horizon.next();
  expect(horizon.durable).toBe(at(0));
  expect(horizon.short).toBe(true);
  horizon.raised(next);
  expect(horizon.short).toBe(false);
});

test('an older time that is noted late does not hide what waits', () => {
  const horizon = new Horizon(at(0));
  horizon.note(at(100));
  horizon.note(at(-100));
  expect([horizon.short, horizon.next()]).toEqual([true, at(10_100)]);
});

test('it reaches as far as anything was promised or noted, so that nothing on its way lies beyond', () => {
  const horizon = new Horizon(at(50));
  expect(horizon.reach).toBe(at(50));
  horizon.note(at(20));
  expect(horizon.reach).toBe(at(50));
  horizon.note(at(100));
  expect(horizon.reach).toBe(at(100));
});

test('the next promise lies ten seconds ahead, longer than two renewals of the lease', () => {
  const horizon = new Horizon(0n);
  horizon.note(at(0));
  expect(horizon.next()).toBe(at(10_000));
});

test('while catching up it reaches twice as far as the log moved since the last promise', () => {
  const horizon = new Horizon(0n);
  horizon.note(at(0));
  raise(horizon);
  horizon.note(at(60_000));
  expect(horizon.next()).toBe(at(60_000 + 120_000));
});

test('back at the end of the log it keeps what was promised, and then stays ten seconds ahead again', () => {
  const horizon = new Horizon(0n);
  horizon.note(at(0));
  raise(horizon);
  horizon.note(at(60_000));
  expect(raise(horizon)).toBe(at(180_000));
  for (let ms = 63_000; ms <= 168_000; ms += 3_000) {
    horizon.note(at(ms));
    expect(raise(horizon)).toBe(at(180_000));
  }
  horizon.note(at(171_000));
  expect(raise(horizon)).toBe(at(181_000));
});

test('an older write that ends late does not take the promise back', () => {
  const horizon = new Horizon(0n);
  horizon.note(at(0));
  const early = horizon.next();
  horizon.note(at(20_000));
  horizon.raised(horizon.next());
  const { durable } = horizon;
  horizon.raised(early);
  expect(horizon.durable).toBe(durable);
});

describe('whatever is noted and written', () => {
  const steps = fc.array(fc.record({ moveMs: fc.nat(100_000), write: fc.boolean() }), { maxLength: 50 });

  test('a promise never shrinks and always covers what was noted before it', () => {
    fc.assert(
      fc.property(steps, (moves) => {
        const horizon = new Horizon(0n);
        let newest = 0;
        for (const { moveMs, write } of moves) {
          newest += moveMs;
          horizon.note(at(newest));
          horizon.note(at(newest - 50));
          const before = horizon.durable;
          if (write) {
            expect(raise(horizon)).toBeGreaterThanOrEqual(at(newest));
            expect(horizon.short).toBe(false);
          }
          expect(horizon.durable).toBeGreaterThanOrEqual(before);
          expect(horizon.short).toBe(at(newest) > horizon.durable);
        }
      }),
    );
  });
});
