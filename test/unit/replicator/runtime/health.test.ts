import { expect, test } from 'vitest';
import { Health } from '../../../../replicator/runtime/health.ts';
import { SimClock } from '../../../support/fakes/sim-clock.ts';

test('a replicator may wait for its first lease, but not for ever', async () => {
  const clock = new SimClock();
  const health = new Health(clock);
  expect(health.verdict).toEqual({ healthy: true, word: 'waiting for the lease' });
  await clock.advance(599_000);
  expect(health.verdict.healthy).toBe(true);
  await clock.advance(2_000);
  expect(health.verdict).toEqual({ healthy: false, word: 'no lease yet' });
});

test('a lease counts until it has run out, however long it was waited for', async () => {
  const clock = new SimClock();
  const health = new Health(clock);
  await clock.advance(700_000);
  const lease = { remainingMs: 10_000 };
  health.holds(lease);
  expect(health.verdict).toEqual({ healthy: true, word: 'lease held' });
  lease.remainingMs = 0;
  expect(health.verdict).toEqual({ healthy: false, word: 'lease ran out' });
});
