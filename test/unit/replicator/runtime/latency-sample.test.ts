import { expect, test } from 'vitest';
import { MAX_VALUES } from '#shared/metrics.ts';
import { LatencySample } from '../../../../replicator/runtime/latency-sample.ts';
import { seeded } from '../../../support/fakes/world.ts';

test('few times are all in the sample, and it begins anew when taken', () => {
  const sample = new LatencySample(() => 0);
  for (const ms of [4.5678, 1, 2]) sample.note(ms);
  expect([sample.take(), sample.take()]).toEqual([[4.57, 1, 2], []]);
});

test('a sample of many is bounded, holds the largest and is fair to early and late ones', () => {
  const random = seeded(1);
  let early = 0;
  const rounds = 200;
  for (let round = 0; round < rounds; round++) {
    const sample = new LatencySample(random);
    for (let i = 1; i <= 1_000; i++) sample.note(i === 300 ? 9_999 : i);
    const taken = sample.take();
    expect(taken).toHaveLength(MAX_VALUES);
    expect(taken).toContain(9_999);
    early += taken.filter((ms) => ms <= 500).length;
  }
  expect(early / rounds / MAX_VALUES).toBeGreaterThan(0.45);
  expect(early / rounds / MAX_VALUES).toBeLessThan(0.55);
});
