import { describe, expect, test } from 'vitest';
import { claimedRun, isOwnClaim } from '#shared/store/claimed-run.ts';
import { sampleClaim, sampleTask, sampleUpdate } from '../../../../support/fakes/task-samples.ts';

const task = sampleTask();
const AT = '2030-01-01T00:00:00.000Z';

describe('the run that a claim makes', () => {
  test('begins with nothing applied when there was none', () => {
    const claim = sampleClaim(task);
    const run = claimedRun(claim, undefined, AT);
    expect(run).toMatchObject({
      ...claim,
      epoch: 1,
      beat: 1,
      released: 'no',
      phase: 'starting',
      phaseSince: AT,
    });
    expect(run.channels).toHaveLength(0);
    expect(Object.values(run.counters).every((n) => n === 0)).toBe(true);
  });

  test('keeps what was applied and counted, and nothing of how the old job felt', () => {
    const old = {
      ...claimedRun(sampleClaim(task), undefined, AT),
      ...sampleUpdate({ reason: { code: 'internal', message: 'm' } }),
      epoch: 4,
      beat: 9,
      released: 'drained' as const,
    };
    const claim = sampleClaim(task, { generation: 2 });
    const run = claimedRun(claim, old, AT);
    const { reason: _, ...kept } = old;
    expect(run).toEqual({
      ...kept,
      ...claim,
      epoch: 5,
      beat: 10,
      released: 'no',
      phase: 'starting',
      phaseSince: AT,
    });
    expect(run).not.toHaveProperty('reason');
  });

  test('takes nothing from another life', () => {
    const old = { ...claimedRun(sampleClaim(task), undefined, AT), ...sampleUpdate(), epoch: 4 };
    const claim = sampleClaim({ id: task.id, incarnation: 'another' });
    expect(claimedRun(claim, old, AT)).toEqual(claimedRun(claim, undefined, AT));
  });
});

test('only the very claim that made a run is its own, as long as the lease is held', () => {
  const claim = sampleClaim(task);
  const run = claimedRun(claim, undefined, AT);
  expect(isOwnClaim(claim, run)).toBe(true);
  expect(isOwnClaim({ ...claim, owner: 'x' }, run)).toBe(false);
  expect(isOwnClaim({ ...claim, generation: 2 }, run)).toBe(false);
  expect(isOwnClaim({ ...claim, incarnation: 'x' }, run)).toBe(false);
  expect(isOwnClaim(claim, { ...run, released: 'drained' })).toBe(false);
});
