import { describe, expect, test } from 'vitest';
import type { Run } from '#shared/task/run.ts';
import type { LastExit, Launch, Task } from '#shared/task/task.ts';
import { POLICY } from '../../../../functions/reconcile/policy.ts';
import { type Action, reconcile, type Situation } from '../../../../functions/reconcile/reconcile.ts';
import {
  ago,
  ahead,
  exitOf,
  GENERATION,
  LAUNCHES,
  launchOf,
  NOW,
  RUNS,
  runOf,
  SECOND,
  SEEN,
  TASK,
  WISHES,
} from './decision-axes.ts';

/** What a decision carries; which one is taken where is in decision-table.test.ts. */

function decide(over: Partial<Situation>): readonly Action[] {
  return reconcile({ task: TASK, launch: undefined, run: undefined, observed: undefined, now: NOW, ...over });
}

/** The one action of a decision that has one. */
function only<K extends Action['kind']>(actions: readonly Action[], kind: K): Extract<Action, { kind: K }> {
  expect(actions.map((a) => a.kind)).toEqual([kind]);
  return actions[0] as Extract<Action, { kind: K }>;
}

describe('a start', () => {
  test('is the first generation when there was none', () => {
    const action = only(decide({}), 'start');
    expect(action.after).toBeUndefined();
    expect(action.launch).toMatchObject({
      taskId: 't',
      incarnation: 'life-2',
      generation: 1,
      attempts: 1,
      revision: 4,
      launchedAt: ago(0),
    });
    expect(action.launch.handle).toBeUndefined();
  });

  test('after an exit raises generation and attempts and keeps how the last one ended', () => {
    const last = launchOf({ handle: 'h', lastExit: exitOf(), stopAskedAt: ago(SECOND), attempts: 3 });
    const action = only(decide({ launch: last }), 'start');
    expect(action.after).toBe(GENERATION);
    expect(action.launch).toMatchObject({ generation: GENERATION + 1, attempts: 4, lastExit: exitOf() });
    expect(action.launch).not.toHaveProperty('handle');
    expect(action.launch).not.toHaveProperty('stopAskedAt');
    expect(action.launch).not.toHaveProperty('pendingReason');
  });

  test('keeps since when the task has been wanted, until somebody pauses and resumes it', () => {
    const since = ago(60 * SECOND);
    const last = launchOf({ handle: 'h', lastExit: exitOf(), wantedSince: since, launchedAt: ago(SECOND) });
    expect(only(decide({}), 'start').launch.wantedSince).toBe(ago(0));
    expect(only(decide({ launch: last }), 'start').launch.wantedSince).toBe(since);
    const { wantedSince: _, ...older } = last;
    expect(only(decide({ launch: older }), 'start').launch.wantedSince).toBe(ago(SECOND));
    const task = { ...TASK, revision: TASK.revision + 2 };
    expect(only(decide({ task, launch: last }), 'start').launch.wantedSince).toBe(ago(0));
  });

  test.each(['ended with 75, waiting', 'ended with 78', 'ended too often', 'not placed, waiting'] as const)(
    'after a pause and a resume waits for nothing and counts anew (launch %s)',
    (state) => {
      const task = { ...TASK, revision: TASK.revision + 2 };
      const action = only(decide({ task, launch: LAUNCHES[state] }), 'start');
      expect(action.launch).toMatchObject({ generation: GENERATION + 1, attempts: 1, revision: 6 });
    },
  );
});

describe('a recorded exit', () => {
  const exit = (over: { launch?: Partial<Launch>; run?: Run | undefined; code?: number | null }) =>
    only(
      decide({
        launch: launchOf({ handle: 'h', ...over.launch }),
        run: over.run,
        observed: { kind: 'stopped', exitCode: over.code ?? null, message: 'm' },
      }),
      'record-exit',
    ).launch;

  test('tells generation, code, time and that the death is proven', () => {
    expect(exit({ code: 75 }).lastExit).toEqual({
      generation: GENERATION,
      code: 75,
      at: ago(0),
      confirmed: true,
      message: 'm',
    });
  });

  test('of a replicator that went missing does not prove its death', () => {
    const actions = decide({
      launch: launchOf({ handle: 'h', launchedAt: ago(POLICY.missingGraceMs) }),
      observed: { kind: 'missing' },
    });
    expect(only(actions, 'record-exit').launch.lastExit).toMatchObject({ code: null, confirmed: false });
  });

  test.each([
    [1, 2],
    [2, 4],
    [3, 8],
    [8, 256],
    [9, 300],
    [10, 300],
  ])('after %i starts in a row puts the next one off by %i seconds', (attempts, seconds) => {
    expect(exit({ launch: { attempts }, code: 1 }).notBefore).toBe(ahead(seconds * SECOND));
  });

  test('after streaming for a while forgets the earlier starts', () => {
    const left = exit({ run: RUNS.streaming, launch: { attempts: 9 }, code: 1 });
    expect(left).toMatchObject({ attempts: 0, notBefore: ahead(SECOND) });
  });

  test('after a moment of streaming does not', () => {
    const moment = runOf({ phase: 'streaming', phaseSince: ago(2 * SECOND) });
    expect(exit({ run: moment, launch: { attempts: 9 } }).attempts).toBe(9);
  });

  test('does not take the time since the last sign of life for streaming', () => {
    // Streaming for 5 s at its last renewal, found dead ten minutes later.
    const long = runOf({
      phase: 'streaming',
      phaseSince: ago(605 * SECOND),
      leaseExpiresAt: ago(590 * SECOND),
    });
    expect(exit({ run: long, launch: { attempts: 9 } }).attempts).toBe(9);
  });

  test('does not take the streaming of an older launch for its own', () => {
    const old = runOf({ phase: 'streaming', generation: GENERATION - 1 });
    expect(exit({ run: old, launch: { attempts: 9 } }).attempts).toBe(9);
  });

  test('of a replicator that somebody stopped is no crash', () => {
    expect(exit({ code: 0, launch: { attempts: 3 } }).attempts).toBe(2);
    expect(exit({ code: 0, launch: { attempts: 0 } }).attempts).toBe(0);
  });
});

describe('a roll-out', () => {
  const moving = (over: Partial<Launch>, move: Partial<Situation['move']> = {}) =>
    decide({
      launch: launchOf({ handle: 'h', attempts: 0, release: 'one', ...over }),
      run: RUNS.streaming,
      observed: SEEN.running,
      release: 'two',
      move: { generation: GENERATION, trial: true, ...move },
    });

  test('stops the replicator and notes that the task streamed', () => {
    const { launch } = only(moving({}), 'stop');
    expect(launch).toMatchObject({ release: 'one', stopAskedAt: ago(0), onTrialSince: ago(0) });
    const untried = only(moving({}, { trial: false }), 'stop').launch;
    expect(untried).toMatchObject({ stopAskedAt: ago(0) });
    expect(untried).not.toHaveProperty('onTrialSince');
  });

  test('that chose another generation does nothing', () => {
    expect(moving({}, { generation: GENERATION - 1 })).toEqual([]);
  });

  const next = (over: Partial<Launch>, task: Task = TASK) =>
    only(
      decide({ task, launch: launchOf({ lastExit: exitOf(), notBefore: ago(0), ...over }), release: 'two' }),
      'start',
    ).launch;

  test('has the next launch say what it was started from', () => {
    expect(next({ release: 'one' }).release).toBe('two');
    expect(only(decide({}), 'start').launch.release).toBeUndefined();
  });

  test('begins a trial anew with each release and each resume, and not with a crash', () => {
    const since = ago(60 * SECOND);
    expect(next({ release: 'two', onTrialSince: since }).onTrialSince).toBe(since);
    expect(next({ release: 'one', onTrialSince: since }).onTrialSince).toBe(ago(0));
    const resumed = { ...TASK, revision: TASK.revision + 2 };
    expect(next({ release: 'two', onTrialSince: since }, resumed).onTrialSince).toBe(ago(0));
    expect(next({ release: 'one' }).onTrialSince).toBeUndefined();
  });

  test('ends the trial of a task that streams, also when it crashes a moment later', () => {
    const onTrial = launchOf({ handle: 'h', release: 'two', onTrialSince: ago(60 * SECOND) });
    const seen = { launch: onTrial, run: RUNS.streaming, release: 'two' };
    const told = only(decide({ ...seen, observed: SEEN.running }), 'record-streaming').launch;
    expect(told).not.toHaveProperty('onTrialSince');
    const ended = only(decide({ ...seen, observed: SEEN['stopped, 75'] }), 'record-exit').launch;
    expect(ended).not.toHaveProperty('onTrialSince');
  });

  test('keeps the trial when the replicator that makes room is killed while it streams', () => {
    const leaving = launchOf({
      handle: 'h',
      release: 'one',
      stopAskedAt: ago(SECOND),
      onTrialSince: ago(SECOND),
    });
    const seen = { launch: leaving, run: RUNS.streaming, observed: SEEN['stopped, signal'], release: 'two' };
    expect(only(decide(seen), 'record-exit').launch).toMatchObject({
      onTrialSince: ago(SECOND),
      notBefore: ago(0),
    });
  });
});

describe('parking', () => {
  const park = (lastExit: Partial<LastExit>, over: Partial<Launch>, itsRun?: Run) =>
    only(
      decide({ launch: launchOf({ handle: 'h', lastExit: exitOf(lastExit), ...over }), run: itsRun }),
      'park',
    ).reason;

  test('after a permanent exit gives the reason that the job stored', () => {
    const told = runOf({ phase: 'failed', reason: { code: 'history_lost', message: 'The log is gone.' } });
    expect(park({ code: 78 }, {}, told)).toBe('history_lost: The log is gone.');
  });

  test('after a permanent exit without a reason says so', () => {
    expect(park({ code: 78 }, {}, RUNS.snapshot)).toMatch(/^internal: /);
    const older = runOf({ generation: GENERATION - 1, reason: { code: 'history_lost', message: 'm' } });
    expect(park({ code: 78 }, {}, older)).toMatch(/^internal: /);
  });

  test('after too many starts in a row names the crash loop and the last exit', () => {
    const reason = park({ code: 134 }, { attempts: POLICY.maxAttempts });
    expect(reason).toMatch(/^crash_loop: .*10 times.*ended with code 134/);
    expect(park({ code: null }, { attempts: POLICY.maxAttempts })).toMatch(/^crash_loop: .*was lost \(m\)/);
  });

  test.each([{ code: 78 }, { code: 1 }])('is not for a task on trial (code $code)', ({ code }) => {
    const launch = launchOf({
      lastExit: exitOf({ code }),
      attempts: POLICY.maxAttempts + 9,
      notBefore: ahead(SECOND),
      onTrialSince: ago(60 * SECOND),
    });
    only(decide({ launch }), 'wait');
  });

  test('waits for one more start as long as there may be one', () => {
    const actions = decide({ launch: launchOf({ lastExit: exitOf(), attempts: POLICY.maxAttempts - 1 }) });
    only(actions, 'start');
  });
});

describe('stopping', () => {
  test('notes since when', () => {
    const action = only(
      decide({ task: WISHES.paused.task, launch: LAUNCHES.placed, observed: SEEN.running }),
      'stop',
    );
    expect(action).toMatchObject({ handle: 'h', launch: { stopAskedAt: ago(0), generation: GENERATION } });
  });

  test('is followed by killing when the replicator of a deleted task stays', () => {
    const task = { ...TASK, deletedAt: ago(POLICY.stopTimeoutMs) };
    only(decide({ task, launch: LAUNCHES.placed, run: RUNS.snapshot, observed: SEEN.running }), 'kill');
  });
});

describe('waiting', () => {
  test.each<[keyof typeof LAUNCHES, keyof typeof RUNS, keyof typeof SEEN, number, RegExp]>([
    ['start under way', 'none', 'no answer', POLICY.startGraceMs - SECOND, /start is under way/],
    ['not placed, waiting', 'none', 'no answer', 8 * SECOND, /^no room$/],
    ['ended with 75, waiting', 'none', 'no answer', 8 * SECOND, /between two starts/],
    ['placed', 'none', 'missing', POLICY.missingGraceMs - 60 * SECOND, /does not know/],
    ['placed', 'snapshot', 'missing', 5 * SECOND, /renews its lease/],
    ['stopping', 'snapshot', 'running', 8 * SECOND, /drains/],
  ])('while %s, run %s, seen %s ends in %i ms and says why', (launched, ran, seen, ms, why) => {
    const action = only(decide({ launch: LAUNCHES[launched], run: RUNS[ran], observed: SEEN[seen] }), 'wait');
    expect(action.until - NOW).toBe(ms);
    expect(action.why).toMatch(why);
  });
});

test('a run item of another life tells nothing', () => {
  const stranger = runOf({ incarnation: 'life-1', leaseExpiresAt: ago(POLICY.leaseGraceMs) });
  expect(decide({ launch: LAUNCHES.placed, run: stranger, observed: SEEN.running })).toEqual([]);
});

describe('a replicator whose own check fails', () => {
  test.each(Object.keys(LAUNCHES) as (keyof typeof LAUNCHES)[])(
    'that passes makes no difference: launch %s',
    (name) => {
      const situation = { launch: LAUNCHES[name], run: RUNS.snapshot };
      expect(decide({ ...situation, observed: { kind: 'running', healthy: true } })).toEqual(
        decide({ ...situation, observed: SEEN.running }),
      );
    },
  );
});
