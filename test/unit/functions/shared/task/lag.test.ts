import { expect, test } from 'vitest';
import { lagAt, lagOf } from '#shared/task/lag.ts';
import { packPositions } from '#shared/task/positions.ts';
import type { Run } from '#shared/task/run.ts';
import { tickAt } from '#shared/task/tick.ts';
import { sampleClaim, sampleTask, sampleUpdate } from '../../../../support/fakes/task-samples.ts';

const NOW = Date.parse('2030-01-01T01:00:00Z');
const iso = (ms: number) => new Date(ms).toISOString();

function run(over: Partial<Run> = {}): Run {
  return {
    version: 1,
    ...sampleClaim(sampleTask()),
    ...sampleUpdate(),
    epoch: 1,
    beat: 5,
    released: 'no',
    leaseExpiresAt: iso(NOW + 10_000),
    ...over,
  };
}

const at = (ms: number) => ({ watermark: tickAt(ms).toString() });
const nothing = packPositions([]);

test('while a job acts, lag is that of its last account, whatever time passed since', () => {
  const account = { ...at(NOW - 2_700), leaseExpiresAt: iso(NOW + 8_000) };
  expect(lagOf(run(account), NOW)).toEqual({ kind: 'known', ms: 700 });
});

test.each<[string, Partial<Run>]>([
  ['whose lease ran out', { leaseExpiresAt: iso(NOW - 1) }],
  ['that gave its lease back', { released: 'drained' }],
])('behind a job %s, lag grows', (_, over) => {
  expect(lagOf(run({ ...at(NOW - 3_600_000), ...over }), NOW)).toEqual({ kind: 'known', ms: 3_600_000 });
});

test('lag is never negative', () => {
  expect(lagOf(run(at(NOW + 50)), NOW)).toEqual({ kind: 'known', ms: 0 });
});

test.each<[string, Run | undefined]>([
  ['no replicator has run', undefined],
  ['a job is starting', run({ watermark: undefined, phase: 'starting' })],
  [
    'a job is starting and has no position',
    run({ watermark: undefined, phase: 'starting', channels: nothing }),
  ],
  ['a job cannot read the catalog', run({ watermark: undefined, phase: 'retrying', channels: nothing })],
  ['a job streams and a cursor has met no tick', run({ watermark: undefined })],
])('lag is unknown when %s, and says why', (_, stored) => {
  expect(lagOf(stored, NOW)).toEqual({ kind: 'unknown', why: expect.stringMatching(/./) });
});

test('a job that found nothing to follow is idle, which is no lag of 0', () => {
  expect(lagAt({ phase: 'streaming', channels: nothing, watermark: undefined }, NOW)).toMatchObject({
    kind: 'idle',
  });
});
