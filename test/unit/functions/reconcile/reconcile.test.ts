import { describe, expect, test } from 'vitest';
import type { ReplicatorState } from '#shared/fleet/fleet.ts';
import type { Run } from '#shared/task/run.ts';
import type { LastExit, Launch, Task } from '#shared/task/task.ts';
import { POLICY } from '../../../../functions/reconcile/policy.ts';
import { type Action, reconcile, type Situation } from '../../../../functions/reconcile/reconcile.ts';
import { sampleLaunch, sampleTask, sampleUpdate } from '../../../support/fakes/task-samples.ts';

const NOW = Date.parse('2030-06-01T12:00:00.000Z');
const SECOND = 1_000;
const ago = (ms: number) => new Date(NOW - ms).toISOString();
const ahead = (ms: number) => ago(-ms);

const TASK = sampleTask({ id: 't', incarnation: 'life-2', revision: 4 });
const GENERATION = 7;

type Wish = 'running' | 'paused' | 'deleted';
type LaunchState =
  | 'none'
  | 'of another life'
  | 'starting'
  | 'without a handle'
  | 'not placed, waiting'
  | 'not placed, due'
  | 'placed'
  | 'placed long ago'
  | 'stopping'
  | 'stopping too long'
  | 'ended, waiting'
  | 'ended, due'
  | 'ended for good'
  | 'ended too often';
type RunState = 'none' | 'of an older launch' | 'alive' | 'streaming' | 'stale' | 'released';
type Seen = 'unknown' | 'running' | 'stopped' | 'missing';
type Step = Action['kind'] | '-' | 'stop+wait';

const WISHES: Record<Wish, Task> = {
  running: TASK,
  paused: { ...TASK, desired: 'Paused' },
  deleted: { ...TASK, deletedAt: ago(5 * SECOND) },
};

const SEEN: Record<Seen, ReplicatorState | undefined> = {
  unknown: undefined,
  running: { kind: 'running' },
  stopped: { kind: 'stopped', exitCode: 1, message: 'm' },
  missing: { kind: 'missing' },
};

function launch(over: Partial<Launch>): Launch {
  return sampleLaunch(TASK, {
    generation: GENERATION,
    revision: TASK.revision,
    launchedAt: ago(60 * SECOND),
    attempts: 3,
    ...over,
  });
}

function ended(over: Partial<LastExit> = {}): LastExit {
  return { generation: GENERATION, code: 1, at: ago(SECOND), confirmed: true, message: 'm', ...over };
}

const LAUNCHES: Record<LaunchState, Launch | undefined> = {
  none: undefined,
  'of another life': launch({ incarnation: 'life-1', handle: 'old' }),
  starting: launch({ launchedAt: ago(SECOND) }),
  'without a handle': launch({ launchedAt: ago(POLICY.startGraceMs) }),
  'not placed, waiting': launch({ pendingReason: 'no room', notBefore: ahead(SECOND) }),
  'not placed, due': launch({ pendingReason: 'no room', notBefore: ago(0) }),
  placed: launch({ handle: 'h' }),
  'placed long ago': launch({ handle: 'h', launchedAt: ago(POLICY.firstLeaseMs) }),
  stopping: launch({ handle: 'h', stopAskedAt: ago(POLICY.stopTimeoutMs - 1) }),
  'stopping too long': launch({ handle: 'h', stopAskedAt: ago(POLICY.stopTimeoutMs) }),
  'ended, waiting': launch({ handle: 'h', lastExit: ended(), notBefore: ahead(1) }),
  'ended, due': launch({ handle: 'h', lastExit: ended(), notBefore: ago(0) }),
  'ended for good': launch({ handle: 'h', lastExit: ended({ code: 78 }), notBefore: ahead(SECOND) }),
  'ended too often': launch({
    handle: 'h',
    lastExit: ended(),
    attempts: POLICY.maxAttempts,
    notBefore: ago(0),
  }),
};

function run(over: Partial<Run>): Run {
  return {
    ...sampleUpdate({ phase: 'snapshot', leaseExpiresAt: ahead(5 * SECOND), phaseSince: ago(40 * SECOND) }),
    version: 1,
    taskId: TASK.id,
    incarnation: TASK.incarnation,
    generation: GENERATION,
    owner: 'o',
    epoch: 1,
    beat: 1,
    released: 'no',
    ...over,
  };
}

const RUNS: Record<RunState, Run | undefined> = {
  none: undefined,
  'of an older launch': run({ generation: GENERATION - 1 }),
  alive: run({}),
  streaming: run({ phase: 'streaming' }),
  stale: run({ leaseExpiresAt: ago(POLICY.leaseGraceMs) }),
  released: run({ phase: 'stopped', released: 'drained' }),
};

/** What is done next, for every combination: wish -> launch -> run -> what the fleet says. A row of four is
 *  [unknown, running, stopped, missing]; a single word stands for all combinations below. A cell that is missing does
 *  not compile. */
type Row = readonly [Step, Step, Step, Step];
type Cells = Step | Readonly<Record<RunState, Step | Row>>;
const EXPECTED: Readonly<Record<Wish, Readonly<Record<LaunchState, Cells>>>> = {
  running: {
    none: 'start',
    'of another life': 'start',
    starting: 'wait',
    'without a handle': 'find',
    'not placed, waiting': 'wait',
    'not placed, due': 'start',
    placed: {
      none: ['wait', '-', 'record-exit', 'wait'],
      'of an older launch': ['wait', '-', 'record-exit', 'wait'],
      alive: ['wait', '-', 'record-exit', 'wait'],
      streaming: ['wait', 'record-streaming', 'record-exit', 'wait'],
      stale: ['wait', 'kill', 'record-exit', 'wait'],
      released: ['wait', '-', 'record-exit', 'wait'],
    },
    'placed long ago': {
      none: ['wait', 'kill', 'record-exit', 'record-exit'],
      'of an older launch': ['wait', 'kill', 'record-exit', 'record-exit'],
      alive: ['wait', '-', 'record-exit', 'wait'],
      streaming: ['wait', 'record-streaming', 'record-exit', 'wait'],
      stale: ['wait', 'kill', 'record-exit', 'record-exit'],
      released: ['wait', '-', 'record-exit', 'record-exit'],
    },
    stopping: {
      none: ['wait', 'wait', 'record-exit', 'wait'],
      'of an older launch': ['wait', 'wait', 'record-exit', 'wait'],
      alive: ['wait', 'wait', 'record-exit', 'wait'],
      streaming: ['wait', 'wait', 'record-exit', 'wait'],
      stale: ['wait', 'kill', 'record-exit', 'wait'],
      released: ['wait', 'wait', 'record-exit', 'wait'],
    },
    'stopping too long': {
      none: ['wait', 'kill', 'record-exit', 'wait'],
      'of an older launch': ['wait', 'kill', 'record-exit', 'wait'],
      alive: ['wait', 'kill', 'record-exit', 'wait'],
      streaming: ['wait', 'kill', 'record-exit', 'wait'],
      stale: ['wait', 'kill', 'record-exit', 'wait'],
      released: ['wait', 'kill', 'record-exit', 'wait'],
    },
    'ended, waiting': 'wait',
    'ended, due': 'start',
    'ended for good': 'park',
    'ended too often': 'park',
  },
  paused: {
    none: '-',
    'of another life': '-',
    starting: 'wait',
    'without a handle': {
      none: '-',
      'of an older launch': '-',
      alive: 'find',
      streaming: 'find',
      stale: '-',
      released: '-',
    },
    'not placed, waiting': '-',
    'not placed, due': '-',
    placed: {
      none: ['wait', 'stop', 'record-exit', 'wait'],
      'of an older launch': ['wait', 'stop', 'record-exit', 'wait'],
      alive: ['wait', 'stop', 'record-exit', 'wait'],
      streaming: ['wait', 'stop', 'record-exit', 'wait'],
      stale: ['wait', 'kill', 'record-exit', 'wait'],
      released: ['wait', 'stop', 'record-exit', 'wait'],
    },
    'placed long ago': {
      none: ['wait', 'kill', 'record-exit', 'record-exit'],
      'of an older launch': ['wait', 'kill', 'record-exit', 'record-exit'],
      alive: ['wait', 'stop', 'record-exit', 'wait'],
      streaming: ['wait', 'stop', 'record-exit', 'wait'],
      stale: ['wait', 'kill', 'record-exit', 'record-exit'],
      released: ['wait', 'stop', 'record-exit', 'record-exit'],
    },
    stopping: {
      none: ['wait', 'wait', 'record-exit', 'wait'],
      'of an older launch': ['wait', 'wait', 'record-exit', 'wait'],
      alive: ['wait', 'wait', 'record-exit', 'wait'],
      streaming: ['wait', 'wait', 'record-exit', 'wait'],
      stale: ['wait', 'kill', 'record-exit', 'wait'],
      released: ['wait', 'wait', 'record-exit', 'wait'],
    },
    'stopping too long': {
      none: ['wait', 'kill', 'record-exit', 'wait'],
      'of an older launch': ['wait', 'kill', 'record-exit', 'wait'],
      alive: ['wait', 'kill', 'record-exit', 'wait'],
      streaming: ['wait', 'kill', 'record-exit', 'wait'],
      stale: ['wait', 'kill', 'record-exit', 'wait'],
      released: ['wait', 'kill', 'record-exit', 'wait'],
    },
    'ended, waiting': '-',
    'ended, due': '-',
    'ended for good': '-',
    'ended too often': '-',
  },
  deleted: {
    none: 'purge',
    'of another life': 'purge',
    starting: 'purge',
    'without a handle': 'purge',
    'not placed, waiting': 'purge',
    'not placed, due': 'purge',
    placed: {
      none: ['wait', 'stop+wait', 'purge', 'purge'],
      'of an older launch': ['wait', 'stop+wait', 'purge', 'purge'],
      alive: ['wait', 'stop+wait', 'purge', 'wait'],
      streaming: ['wait', 'stop+wait', 'purge', 'wait'],
      stale: ['wait', 'kill', 'purge', 'purge'],
      released: ['wait', 'stop+wait', 'purge', 'purge'],
    },
    'placed long ago': {
      none: ['wait', 'kill', 'purge', 'purge'],
      'of an older launch': ['wait', 'kill', 'purge', 'purge'],
      alive: ['wait', 'stop+wait', 'purge', 'wait'],
      streaming: ['wait', 'stop+wait', 'purge', 'wait'],
      stale: ['wait', 'kill', 'purge', 'purge'],
      released: ['wait', 'stop+wait', 'purge', 'purge'],
    },
    stopping: {
      none: ['wait', 'stop+wait', 'purge', 'purge'],
      'of an older launch': ['wait', 'stop+wait', 'purge', 'purge'],
      alive: ['wait', 'stop+wait', 'purge', 'wait'],
      streaming: ['wait', 'stop+wait', 'purge', 'wait'],
      stale: ['wait', 'kill', 'purge', 'purge'],
      released: ['wait', 'stop+wait', 'purge', 'purge'],
    },
    // The tombstone's own age decides: it is younger than the request to stop.
    'stopping too long': {
      none: ['wait', 'stop+wait', 'purge', 'purge'],
      'of an older launch': ['wait', 'stop+wait', 'purge', 'purge'],
      alive: ['wait', 'stop+wait', 'purge', 'wait'],
      streaming: ['wait', 'stop+wait', 'purge', 'wait'],
      stale: ['wait', 'kill', 'purge', 'purge'],
      released: ['wait', 'stop+wait', 'purge', 'purge'],
    },
    'ended, waiting': 'purge',
    'ended, due': 'purge',
    'ended for good': 'purge',
    'ended too often': 'purge',
  },
};

function entries<K extends string, V>(record: Readonly<Record<K, V>>): [K, V][] {
  return Object.entries(record) as [K, V][];
}

const TABLE = entries(EXPECTED).flatMap(([wish, ofWish]) =>
  entries(ofWish).flatMap(([launched, cells]) =>
    entries(RUNS).flatMap(([ran]) =>
      entries(SEEN).map(([seen], column) => {
        const cell = typeof cells === 'string' ? cells : cells[ran];
        const expected = typeof cell === 'string' ? cell : (cell[column] as Step);
        return { wish, launched, ran, seen, expected };
      }),
    ),
  ),
);

function decide(over: Partial<Situation>): readonly Action[] {
  return reconcile({ task: TASK, launch: undefined, run: undefined, observed: undefined, now: NOW, ...over });
}

/** The one action of a decision that has one. */
function only<K extends Action['kind']>(actions: readonly Action[], kind: K): Extract<Action, { kind: K }> {
  expect(actions.map((a) => a.kind)).toEqual([kind]);
  return actions[0] as Extract<Action, { kind: K }>;
}

describe('what is done next', () => {
  test.each(TABLE)('$wish, launch $launched, run $ran, seen $seen: $expected', (c) => {
    const actions = decide({
      task: WISHES[c.wish],
      launch: LAUNCHES[c.launched],
      run: RUNS[c.ran],
      observed: SEEN[c.seen],
    });
    expect(actions.map((a) => a.kind).join('+') || '-').toBe(c.expected);
  });

  test('the table covers every combination', () => {
    expect(TABLE).toHaveLength(3 * 14 * 6 * 4);
  });
});

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
    const last = launch({ handle: 'h', lastExit: ended(), stopAskedAt: ago(SECOND), attempts: 3 });
    const action = only(decide({ launch: last }), 'start');
    expect(action.after).toBe(GENERATION);
    expect(action.launch).toMatchObject({ generation: GENERATION + 1, attempts: 4, lastExit: ended() });
    expect(action.launch).not.toHaveProperty('handle');
    expect(action.launch).not.toHaveProperty('stopAskedAt');
    expect(action.launch).not.toHaveProperty('pendingReason');
  });

  test('keeps since when the task has been wanted, until somebody pauses and resumes it', () => {
    const since = ago(60 * SECOND);
    const last = launch({ handle: 'h', lastExit: ended(), wantedSince: since, launchedAt: ago(SECOND) });
    expect(only(decide({}), 'start').launch.wantedSince).toBe(ago(0));
    expect(only(decide({ launch: last }), 'start').launch.wantedSince).toBe(since);
    const { wantedSince: _, ...older } = last;
    expect(only(decide({ launch: older }), 'start').launch.wantedSince).toBe(ago(SECOND));
    const task = { ...TASK, revision: TASK.revision + 2 };
    expect(only(decide({ task, launch: last }), 'start').launch.wantedSince).toBe(ago(0));
  });

  test.each(['ended, waiting', 'ended for good', 'ended too often', 'not placed, waiting'] as const)(
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
        launch: launch({ handle: 'h', ...over.launch }),
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
      launch: launch({ handle: 'h', launchedAt: ago(POLICY.missingGraceMs) }),
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
    const moment = run({ phase: 'streaming', phaseSince: ago(2 * SECOND) });
    expect(exit({ run: moment, launch: { attempts: 9 } }).attempts).toBe(9);
  });

  test('does not take the time since the last sign of life for streaming', () => {
    // Streaming for 5 s at its last renewal, found dead ten minutes later.
    const long = run({
      phase: 'streaming',
      phaseSince: ago(605 * SECOND),
      leaseExpiresAt: ago(590 * SECOND),
    });
    expect(exit({ run: long, launch: { attempts: 9 } }).attempts).toBe(9);
  });

  test('does not take the streaming of an older launch for its own', () => {
    const old = run({ phase: 'streaming', generation: GENERATION - 1 });
    expect(exit({ run: old, launch: { attempts: 9 } }).attempts).toBe(9);
  });

  test('of a replicator that somebody stopped is no crash', () => {
    expect(exit({ code: 0, launch: { attempts: 3 } }).attempts).toBe(2);
    expect(exit({ code: 0, launch: { attempts: 0 } }).attempts).toBe(0);
  });
});

describe('parking', () => {
  const park = (lastExit: Partial<LastExit>, over: Partial<Launch>, itsRun?: Run) =>
    only(decide({ launch: launch({ handle: 'h', lastExit: ended(lastExit), ...over }), run: itsRun }), 'park')
      .reason;

  test('after a permanent exit gives the reason that the job stored', () => {
    const told = run({ phase: 'failed', reason: { code: 'history_lost', message: 'The log is gone.' } });
    expect(park({ code: 78 }, {}, told)).toBe('history_lost: The log is gone.');
  });

  test('after a permanent exit without a reason says so', () => {
    expect(park({ code: 78 }, {}, RUNS.alive)).toMatch(/^internal: /);
    const older = run({ generation: GENERATION - 1, reason: { code: 'history_lost', message: 'm' } });
    expect(park({ code: 78 }, {}, older)).toMatch(/^internal: /);
  });

  test('after too many starts in a row names the crash loop and the last exit', () => {
    const reason = park({ code: 134 }, { attempts: POLICY.maxAttempts });
    expect(reason).toMatch(/^crash_loop: .*10 times.*ended with code 134/);
    expect(park({ code: null }, { attempts: POLICY.maxAttempts })).toMatch(/^crash_loop: .*was lost \(m\)/);
  });

  test('waits for one more start as long as there may be one', () => {
    const actions = decide({ launch: launch({ lastExit: ended(), attempts: POLICY.maxAttempts - 1 }) });
    only(actions, 'start');
  });
});

describe('stopping', () => {
  test('notes since when', () => {
    const action = only(
      decide({ task: WISHES.paused, launch: LAUNCHES.placed, observed: SEEN.running }),
      'stop',
    );
    expect(action).toMatchObject({ handle: 'h', launch: { stopAskedAt: ago(0), generation: GENERATION } });
  });

  test('is followed by killing when the replicator of a deleted task stays', () => {
    const task = { ...TASK, deletedAt: ago(POLICY.stopTimeoutMs) };
    only(decide({ task, launch: LAUNCHES.placed, run: RUNS.alive, observed: SEEN.running }), 'kill');
  });
});

describe('waiting', () => {
  test.each<[LaunchState, RunState, Seen, number, RegExp]>([
    ['starting', 'none', 'unknown', POLICY.startGraceMs - SECOND, /start is under way/],
    ['not placed, waiting', 'none', 'unknown', SECOND, /^no room$/],
    ['ended, waiting', 'none', 'unknown', 1, /between two starts/],
    ['placed', 'none', 'missing', POLICY.missingGraceMs - 60 * SECOND, /does not know/],
    ['placed', 'alive', 'missing', 5 * SECOND, /renews its lease/],
    ['stopping', 'alive', 'running', 1, /drains/],
  ])('while %s, run %s, seen %s ends in %i ms and says why', (launched, ran, seen, ms, why) => {
    const action = only(decide({ launch: LAUNCHES[launched], run: RUNS[ran], observed: SEEN[seen] }), 'wait');
    expect(action.until - NOW).toBe(ms);
    expect(action.why).toMatch(why);
  });
});

test('a run item of another life tells nothing', () => {
  const stranger = run({ incarnation: 'life-1', leaseExpiresAt: ago(POLICY.leaseGraceMs) });
  expect(decide({ launch: LAUNCHES.placed, run: stranger, observed: SEEN.running })).toEqual([]);
});

describe('a replicator whose own check fails', () => {
  const SICK: ReplicatorState = { kind: 'running', healthy: false };
  const RUNNING: readonly LaunchState[] = ['placed', 'placed long ago', 'stopping', 'stopping too long'];
  const table = entries(WISHES).flatMap(([wish]) =>
    entries(RUNS).flatMap(([ran]) => RUNNING.map((launched) => ({ wish, launched, ran }))),
  );

  test.each(table)('is killed: $wish, launch $launched, run $ran', ({ wish, launched, ran }) => {
    const situation = { task: WISHES[wish], launch: LAUNCHES[launched], run: RUNS[ran], observed: SICK };
    expect(decide(situation)).toEqual([{ kind: 'kill', handle: 'h' }]);
  });

  test.each(entries(LAUNCHES))('that passes makes no difference: launch %s', (_, given) => {
    const situation = { launch: given, run: RUNS.alive };
    expect(decide({ ...situation, observed: { kind: 'running', healthy: true } })).toEqual(
      decide({ ...situation, observed: SEEN.running }),
    );
  });
});
