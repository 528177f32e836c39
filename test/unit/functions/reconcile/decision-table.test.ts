import { describe, expect, test } from 'vitest';
import { EXIT } from '#shared/fleet/fleet.ts';
import type { Launch, Task } from '#shared/task/task.ts';
import { POLICY } from '../../../../functions/reconcile/policy.ts';
import { type Action, reconcile } from '../../../../functions/reconcile/reconcile.ts';
import {
  allCells,
  type Cell,
  isUnhealthy,
  keysOf,
  LAUNCHES,
  NOW,
  RUNS,
  SECOND,
  SEEN,
  WISHES,
} from './decision-axes.ts';
import { outcomeOf } from './decision-outcome.ts';

/** What the reconciler decides, for every combination of what is wanted, launched, told by the job and seen by the fleet. */

const CELLS = allCells();
const decisions = new Map(CELLS.map((cell) => [cell, reconcile(cell.situation)]));

/** Checks a claim on every cell, and names those where it does not hold. */
function everywhere(claim: (cell: Cell, actions: readonly Action[]) => boolean): void {
  const wrong = [...decisions].filter(([cell, actions]) => !claim(cell, actions));
  expect(wrong.slice(0, 20).map(([cell, actions]) => `${nameOf(cell)}: ${shown(actions)}`)).toEqual([]);
}

function whenever<K extends Action['kind']>(
  kind: K,
  claim: (cell: Facts, action: Extract<Action, { kind: K }>) => boolean,
): void {
  let met = 0;
  everywhere((cell, actions) =>
    actions.every((action) => {
      if (action.kind !== kind) return true;
      met++;
      return claim(factsOf(cell), action as Extract<Action, { kind: K }>);
    }),
  );
  expect(met).toBeGreaterThan(0);
}

/** A cell in the words of the invariants, told without the code under test. */
interface Facts extends Cell {
  readonly task: Task;
  readonly stored: Launch | undefined;
  readonly wantedRunning: boolean;
  readonly deleted: boolean;
  /** The replicator of the newest launch has surely ended, or was never placed. */
  readonly over: boolean;
  /** The newest launch's job renews its lease. */
  readonly leased: boolean;
  readonly handle: string | undefined;
  /** To the fleet. */
  readonly runs: boolean;
}

function factsOf(cell: Cell): Facts {
  const { task, run } = cell.situation;
  const stored = cell.launch === 'of another life' ? undefined : cell.situation.launch;
  const deleted = task.deletedAt !== undefined;
  return {
    ...cell,
    task,
    stored,
    deleted,
    wantedRunning: !deleted && task.desired === 'Running',
    over:
      stored === undefined ||
      stored.pendingReason !== undefined ||
      stored.lastExit?.generation === stored.generation,
    leased:
      run?.incarnation === task.incarnation &&
      run.generation === stored?.generation &&
      run.released === 'no' &&
      Date.parse(run.leaseExpiresAt) > NOW,
    handle: stored?.handle,
    runs: cell.situation.observed?.kind === 'running',
  };
}

describe('every decision', () => {
  test('is the one in the table', async () => {
    await expect(tableOf()).toMatchFileSnapshot('./decision-table.txt');
  });

  test('is a function of the situation alone, and leaves it as it is', () => {
    const before = JSON.stringify(CELLS);
    everywhere((cell, actions) => shown(reconcile(cell.situation)) === shown(actions));
    expect(JSON.stringify(CELLS)).toBe(before);
  });

  test('takes one step at most, and waits only after it', () => {
    everywhere(
      (_, actions) => actions.slice(0, -1).every(({ kind }) => kind !== 'wait') && actions.length <= 2,
    );
    everywhere((_, actions) => actions.filter(({ kind }) => kind !== 'wait').length <= 1);
  });

  test('waits for something that comes within minutes', () => {
    whenever('wait', (_, { until }) => until > NOW && until <= NOW + POLICY.firstLeaseMs);
  });

  test('is nothing only where all is as it is wanted', () => {
    everywhere((cell, actions) => {
      if (actions.length > 0) return true;
      const { wantedRunning, deleted, over, handle, leased, runs } = factsOf(cell);
      if (deleted) return false;
      return wantedRunning ? runs && !over : over || (handle === undefined && !leased);
    });
  });
});

describe('a start', () => {
  test('happens only where Running is wanted and nothing of the launch before can act', () => {
    whenever('start', ({ wantedRunning, over }) => wantedRunning && over);
  });

  test('raises the generation by one and says after which', () => {
    whenever('start', ({ stored }, { launch, after }) => {
      return after === stored?.generation && launch.generation === (stored?.generation ?? 0) + 1;
    });
  });

  test('is of the release that the fleet runs now, and no older one', () => {
    whenever('start', ({ situation }, { launch }) => launch.release === situation.release);
  });

  test('is repeated only under its own generation, while nobody knows what became of it', () => {
    whenever('find', ({ stored, handle, over }, { launch }) => {
      return !over && handle === undefined && launch.generation === stored?.generation;
    });
  });
});

describe('an end', () => {
  test('is asked for only of what runs and is not wanted to, or makes room for another release', () => {
    whenever('stop', ({ runs, wantedRunning, wish, over }) => {
      return runs && !over && (!wantedRunning || wish.includes('to be moved'));
    });
  });

  test('is forced only on what runs and hangs, or does not stop', () => {
    whenever('kill', ({ runs, over, stored, run, task, seen }) => {
      const longAgo = (text: string | undefined) =>
        text !== undefined && NOW - Date.parse(text) >= POLICY.stopTimeoutMs;
      const itsRun = RUNS[run]?.generation === stored?.generation && run !== 'of another life';
      const silent = itsRun
        ? run === 'run out a minute ago'
        : NOW - Date.parse(stored?.launchedAt ?? '') >= POLICY.firstLeaseMs;
      const hangs = silent || isUnhealthy(SEEN[seen]);
      return runs && !over && (hangs || longAgo(stored?.stopAskedAt) || longAgo(task.deletedAt));
    });
  });

  test('is written down when the fleet saw it, or knows nothing and no lease is renewed', () => {
    whenever('record-exit', ({ situation, leased, over, stored }, { launch }) => {
      const seenToEnd = situation.observed?.kind === 'stopped';
      const old = NOW - Date.parse(stored?.launchedAt ?? '') >= POLICY.missingGraceMs;
      const given = situation.observed?.kind === 'missing' && !leased && old;
      return !over && (seenToEnd || given) && launch.lastExit?.confirmed === seenToEnd;
    });
  });

  test('parks the task only for good reasons, and only where it is wanted as it was launched', () => {
    whenever('park', ({ wantedRunning, over, stored, wish }) => {
      const forGood =
        stored?.lastExit?.code === EXIT.permanent || (stored?.attempts ?? 0) >= POLICY.maxAttempts;
      return (
        wantedRunning &&
        over &&
        forGood &&
        stored?.pendingReason === undefined &&
        stored?.onTrialSince === undefined &&
        !wish.startsWith('resumed')
      );
    });
  });
});

describe('a purge', () => {
  test('happens only of what is deleted, when nothing of it can act or nobody knows how to end it', () => {
    whenever('purge', ({ deleted, over, situation, leased, handle }) => {
      const { observed } = situation;
      const gone = observed?.kind === 'stopped' || (observed?.kind === 'missing' && !leased);
      return deleted && (over || gone || handle === undefined);
    });
  });

  test('happens of nothing that runs', () => {
    everywhere((cell, actions) => {
      const { over, runs, handle } = factsOf(cell);
      return over || !runs || handle === undefined || !actions.some(({ kind }) => kind === 'purge');
    });
  });
});

describe.each(['cooperates', 'is stubborn', 'has no room', 'forgets', 'crashes'] as const)(
  'in a world that %s',
  (habit) => {
    test.each(keysOf(WISHES))('what is wanted comes true from everywhere, in bounded time (%s)', (wish) => {
      const wrong: string[] = [];
      for (const cell of CELLS.filter((c) => c.wish === wish)) {
        const outcome = outcomeOf(cell.situation, habit);
        const { deleted, wantedRunning } = factsOf(cell);
        const wanted = deleted
          ? outcome.end === 'purged'
          : wantedRunning
            ? outcome.end === 'streams' || outcome.end === 'parked' || outcome.end === 'keeps trying'
            : outcome.end === 'rests';
        if (outcome.end === 'keeps trying') expect(habit).toBe('crashes');
        const single = outcome.mostAlive <= 1;
        const moved =
          !wish.includes('to be moved') || outcome.end === 'parked' || outcome.release === 'release-2';
        if (!wanted || !single || !moved || outcome.minutes > 125)
          wrong.push(`${nameOf(cell)}: ${JSON.stringify(outcome)}`);
      }
      expect(wrong.slice(0, 10)).toEqual([]);
    });
  },
);

function shown(actions: readonly Action[]): string {
  return actions.map(shownOne).join(', ') || '-';
}

function shownOne(action: Action): string {
  const inSeconds = (at: number) => `${Math.round((at - NOW) / SECOND)} s`;
  switch (action.kind) {
    case 'wait':
      return `wait ${inSeconds(action.until)}`;
    case 'start':
      return `start ${action.launch.generation} (attempt ${action.launch.attempts})`;
    case 'record-exit': {
      const { attempts, notBefore, lastExit } = action.launch;
      const how = lastExit?.confirmed ? 'end' : 'loss';
      return `${how} (attempts ${attempts}, next in ${inSeconds(Date.parse(notBefore))})`;
    }
    default:
      return action.kind;
  }
}

function nameOf({ wish, launch, run, seen }: Omit<Cell, 'situation'>): string {
  return `${wish} | launch ${launch} | run ${run} | ${seen}`;
}

/** As text: a block for each wish, in it one for each launch, a line for each run. What makes no difference is one line. */
function tableOf(): string {
  const at = new Map([...decisions].map(([cell, actions]) => [nameOf(cell), shown(actions)]));
  const lines: string[] = [HEAD];
  for (const wish of keysOf(WISHES)) {
    const ofLaunch = (launch: keyof typeof LAUNCHES) =>
      grouped(keysOf(RUNS), (run) => {
        const seen = grouped(keysOf(SEEN), (s) => at.get(nameOf({ wish, launch, run, seen: s })) ?? '');
        return seen
          .map(([action, names]) => (seen.length === 1 ? action : `${names}: ${action}`))
          .join(' | ');
      })
        .map(([row, runs], _, rows) => (rows.length === 1 ? `    ${row}` : `    run ${runs}\n        ${row}`))
        .join('\n');
    const launches = grouped(keysOf(LAUNCHES), ofLaunch);
    lines.push('', `## ${wish}`, ...launches.flatMap(([block, names]) => [`launch ${names}`, block]));
  }
  return `${lines.join('\n')}\n`;
}

/** Names with one text each: the texts in order, and behind each the names that have it. */
function grouped<K extends string>(names: readonly K[], textOf: (name: K) => string): [string, string][] {
  const groups = Map.groupBy(names, textOf);
  return [...groups].map(([text, of]) => [text, of.join('; ')]);
}

const HEAD = `What the reconciler does next, by what is wanted, what was launched, what its job told last, and what the fleet sees.
Written by decision-table.test.ts; "vitest -u" writes it anew. "-": all is as it is wanted.`;
