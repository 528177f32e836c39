import type { ReplicatorState } from '#shared/fleet/fleet.ts';
import type { Run } from '#shared/task/run.ts';
import type { LastExit, Launch } from '#shared/task/task.ts';
import { POLICY } from '../../../../functions/reconcile/policy.ts';
import type { Move, Situation } from '../../../../functions/reconcile/reconcile.ts';
import { sampleLaunch, sampleTask, sampleUpdate } from '../../../support/fakes/task-samples.ts';

/** Everything that the reconciler can meet, axis by axis: what is wanted, what was launched, what the job last said, and
 *  what the fleet says. Each has a name that a reader understands. */

export const NOW = Date.parse('2030-06-01T12:00:00.000Z');
export const SECOND = 1_000;
export const GENERATION = 7;

export function ago(ms: number): string {
  return new Date(NOW - ms).toISOString();
}

export function ahead(ms: number): string {
  return ago(-ms);
}

export const TASK = sampleTask({ id: 't', incarnation: 'life-2', revision: 4 });

export function launchOf(over: Partial<Launch>): Launch {
  return sampleLaunch(TASK, {
    generation: GENERATION,
    revision: TASK.revision,
    launchedAt: ago(60 * SECOND),
    attempts: 3,
    ...over,
  });
}

export function runOf(over: Partial<Run>): Run {
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

export function exitOf(over: Partial<LastExit> = {}): LastExit {
  return { generation: GENERATION, code: 1, at: ago(SECOND), confirmed: true, message: 'm', ...over };
}

function endedWith(over: Partial<LastExit>, due: 'waiting' | 'due' = 'due'): Launch {
  return launchOf({
    handle: 'h',
    lastExit: exitOf(over),
    notBefore: due === 'due' ? ago(0) : ahead(8 * SECOND),
  });
}

export type Wish = Pick<Situation, 'task' | 'move'>;

const MOVE: Move = { generation: GENERATION, trial: true };

export const WISHES = {
  running: { task: TASK },
  'running, to be moved to another release': { task: TASK, move: MOVE },
  'resumed after the launch': { task: { ...TASK, revision: TASK.revision + 2 } },
  paused: { task: { ...TASK, desired: 'Paused' } },
  deleted: { task: { ...TASK, deletedAt: ago(5 * SECOND) } },
  'deleted long ago': { task: { ...TASK, deletedAt: ago(POLICY.stopTimeoutMs) } },
} as const satisfies Record<string, Wish>;

export const LAUNCHES = {
  none: undefined,
  'of another life': launchOf({ incarnation: 'life-1', handle: 'old' }),
  'start under way': launchOf({ launchedAt: ago(SECOND) }),
  'start without an answer': launchOf({ launchedAt: ago(POLICY.startGraceMs) }),
  'not placed, waiting': launchOf({ pendingReason: 'no room', notBefore: ahead(8 * SECOND) }),
  'not placed, due': launchOf({ pendingReason: 'no room', notBefore: ago(0) }),
  'not placed, after the end of one before': launchOf({
    pendingReason: 'no room',
    notBefore: ago(0),
    lastExit: exitOf({ generation: GENERATION - 1, code: 78 }),
  }),
  placed: launchOf({ handle: 'h' }),
  'placed, after the end of one before': launchOf({
    handle: 'h',
    lastExit: exitOf({ generation: GENERATION - 1, code: 78 }),
  }),
  'placed long ago': launchOf({ handle: 'h', launchedAt: ago(POLICY.firstLeaseMs) }),
  'placed long ago, known to have streamed': launchOf({
    handle: 'h',
    launchedAt: ago(POLICY.firstLeaseMs),
    attempts: 0,
  }),
  stopping: launchOf({ handle: 'h', stopAskedAt: ago(POLICY.stopTimeoutMs - 8 * SECOND) }),
  'stopping too long': launchOf({ handle: 'h', stopAskedAt: ago(POLICY.stopTimeoutMs) }),
  'ended with 0, waiting': endedWith({ code: 0 }, 'waiting'),
  'ended with 0, due': endedWith({ code: 0 }),
  'ended with 75, waiting': endedWith({ code: 75 }, 'waiting'),
  'ended with 75, due': endedWith({ code: 75 }),
  'ended with 78': endedWith({ code: 78 }, 'waiting'),
  'ended by a signal, waiting': endedWith({ code: null }, 'waiting'),
  'ended by a signal, due': endedWith({ code: null }),
  'lost (not confirmed), waiting': endedWith({ code: null, confirmed: false }, 'waiting'),
  'lost (not confirmed), due': endedWith({ code: null, confirmed: false }),
  'ended too often': { ...endedWith({}), attempts: POLICY.maxAttempts },
  'ended with 78, on trial, waiting': {
    ...endedWith({ code: 78 }, 'waiting'),
    onTrialSince: ago(60 * SECOND),
  },
  'ended with 78, on trial, due': { ...endedWith({ code: 78 }), onTrialSince: ago(60 * SECOND) },
} as const satisfies Record<string, Launch | undefined>;

export const RUNS = {
  none: undefined,
  'of another life': runOf({ incarnation: 'life-1' }),
  'of an older launch, held': runOf({ generation: GENERATION - 1 }),
  'of an older launch, run out': runOf({
    generation: GENERATION - 1,
    leaseExpiresAt: ago(POLICY.leaseGraceMs),
  }),
  starting: runOf({ phase: 'starting' }),
  snapshot: runOf({ phase: 'snapshot' }),
  'streaming since a moment': runOf({ phase: 'streaming', phaseSince: ago(2 * SECOND) }),
  streaming: runOf({ phase: 'streaming' }),
  retrying: runOf({ phase: 'retrying' }),
  stopping: runOf({ phase: 'stopping' }),
  'run out just now': runOf({ phase: 'streaming', leaseExpiresAt: ago(POLICY.leaseGraceMs - 8 * SECOND) }),
  'run out a minute ago': runOf({ phase: 'streaming', leaseExpiresAt: ago(POLICY.leaseGraceMs) }),
  'given back drained': runOf({ phase: 'stopped', released: 'drained' }),
  'given back undrained': runOf({ phase: 'stopped', released: 'undrained' }),
  'given up': runOf({
    phase: 'failed',
    released: 'drained',
    reason: { code: 'history_lost', message: 'The log is gone.' },
  }),
} as const satisfies Record<string, Run | undefined>;

export const SEEN = {
  'no answer': undefined,
  running: { kind: 'running' },
  'running, unhealthy': { kind: 'running', healthy: false },
  'stopped, 0': { kind: 'stopped', exitCode: 0, message: 'm' },
  'stopped, 75': { kind: 'stopped', exitCode: 75, message: 'm' },
  'stopped, 78': { kind: 'stopped', exitCode: 78, message: 'm' },
  'stopped, signal': { kind: 'stopped', exitCode: null, message: 'm' },
  missing: { kind: 'missing' },
} as const satisfies Record<string, ReplicatorState | undefined>;

/** The fleet sees that it runs, and that it hangs. */
export function isUnhealthy(observed: ReplicatorState | undefined): boolean {
  return observed !== undefined && 'healthy' in observed && observed.healthy === false;
}

export interface Cell {
  readonly wish: keyof typeof WISHES;
  readonly launch: keyof typeof LAUNCHES;
  readonly run: keyof typeof RUNS;
  readonly seen: keyof typeof SEEN;
  readonly situation: Situation;
}

/** The product of all axes. */
export function allCells(): readonly Cell[] {
  return keysOf(WISHES).flatMap((wish) =>
    keysOf(LAUNCHES).flatMap((launch) =>
      keysOf(RUNS).flatMap((run) =>
        keysOf(SEEN).map((seen) => ({
          ...{ wish, launch, run, seen },
          situation: {
            ...WISHES[wish],
            launch: LAUNCHES[launch],
            run: RUNS[run],
            observed: SEEN[seen],
            release: 'release-2',
            now: NOW,
          },
        })),
      ),
    ),
  );
}

export function keysOf<K extends string>(record: Readonly<Record<K, unknown>>): K[] {
  return Object.keys(record) as K[];
}
