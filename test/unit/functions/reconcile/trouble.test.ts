import { describe, expect, test } from 'vitest';
import { troubleOf } from '../../../../functions/reconcile/trouble.ts';
import { ago, HOUR, MINUTE, situation, type Told } from './situations.ts';

const kind = (told: Told) => troubleOf(situation(told))?.kind;
const reason = { code: 'target_unavailable', message: 'away' };
const exit = { generation: 1, code: 75, at: ago(MINUTE), confirmed: true, message: 'ended with code 75' };

test('a task that streams is in no trouble', () => {
  expect(troubleOf(situation())).toBeUndefined();
});

describe('failing is', () => {
  test('a task that was given up, with its code', () => {
    expect(troubleOf(situation({ task: { desired: 'Paused', reason: 'history_lost: gone' } }))).toEqual({
      kind: 'failing',
      why: 'history_lost: gone',
    });
  });

  test('a task that ends again and again, also while the next start is under way', () => {
    const again = { lastExit: exit, attempts: 2 };
    expect(troubleOf(situation({ launch: again, run: { reason } }))).toEqual({
      kind: 'failing',
      why: 'ended 2 times in a row: target_unavailable: away',
    });
    expect(kind({ launch: { ...again, generation: 2, attempts: 3 } })).toBe('failing');
  });

  test.each<[string, Told]>([
    ['one that a user paused', { task: { desired: 'Paused', reason: 'manually' } }],
    ['one that ended once', { launch: { lastExit: exit, attempts: 1 } }],
    ['one that ended once and is started again', { launch: { lastExit: exit, generation: 2, attempts: 2 } }],
    ['one that streams again', { launch: { lastExit: exit, generation: 2, attempts: 0 } }],
    [
      'one that was resumed since',
      { task: { revision: 2 }, launch: { lastExit: exit, attempts: 9, revision: 0 } },
    ],
  ])('not %s', (_, told) => {
    expect(kind(told)).toBeUndefined();
  });
});

test('not placed is told before everything that follows from it', () => {
  const told = {
    launch: { pendingReason: 'no room', attempts: 9, lastExit: exit },
    run: { advancedAt: ago(HOUR) },
  };
  expect(troubleOf(situation(told))).toEqual({ kind: 'not-placed', why: 'no room' });
});

describe('stalled is', () => {
  test.each<[string, Told]>([
    [
      'one that has been retrying for 5 minutes',
      { run: { phase: 'retrying', phaseSince: ago(5 * MINUTE), reason } },
    ],
    ['one whose checkpoint has not moved for 5 minutes', { run: { advancedAt: ago(5 * MINUTE) } }],
    [
      'one that never got a checkpoint',
      { run: { phase: 'starting', advancedAt: undefined, watermark: undefined } },
    ],
    ['one whose replicator never took the lease', { run: null }],
    ['one that was never started', { launch: null, run: null }],
    [
      'one that starts anew every few minutes',
      { launch: { launchedAt: ago(MINUTE) }, run: { advancedAt: ago(HOUR) } },
    ],
    ['one whose old run tells of another life', { run: { incarnation: 'other', advancedAt: ago(0) } }],
  ])('%s', (_, told) => {
    expect(kind(told)).toBe('stalled');
  });

  test.each<[string, Told]>([
    [
      'one that has been retrying for less',
      { run: { phase: 'retrying', phaseSince: ago(5 * MINUTE - 1), reason } },
    ],
    [
      'one that was resumed a minute ago',
      { launch: { wantedSince: ago(MINUTE) }, run: { advancedAt: ago(48 * HOUR) } },
    ],
    ['one that a user paused', { task: { desired: 'Paused' }, run: { advancedAt: ago(48 * HOUR) } }],
    ['one of an older release, which does not tell', { run: { advancedAt: undefined } }],
    ['one that was created a minute ago', { task: { createdAt: ago(MINUTE) }, launch: null, run: null }],
  ])('not %s', (_, told) => {
    expect(kind(told)).toBeUndefined();
  });

  test('told with what is being retried, else with since when', () => {
    const retrying = { phase: 'retrying', phaseSince: ago(HOUR), reason } as const;
    expect(troubleOf(situation({ run: retrying }))?.why).toBe('target_unavailable: away');
    const moved = ago(HOUR);
    expect(troubleOf(situation({ run: { advancedAt: moved } }))?.why).toBe(
      `the checkpoint has not moved since ${moved}`,
    );
  });
});
