import fc from 'fast-check';
import { expect, test } from 'vitest';
import { covers, inScope, type Scope, type ScopePattern } from '#shared/task/scope.ts';
import { hasSamePart, leftOut, scopeBeside, yieldsTo } from '#shared/task/shared-target.ts';
import type { Task } from '#shared/task/task.ts';
import { decideScope } from '../../../../functions/cdc/duplicates.ts';
import { ApiError } from '../../../../functions/cdc/errors.ts';
import { sampleTask } from '../../../support/fakes/task-samples.ts';

const NAMES = ['a', 'b', 'c'];
const COLLECTIONS = NAMES.flatMap((database) => NAMES.map((collection) => ({ database, collection })));

const pattern: fc.Arbitrary<ScopePattern> = fc.record({
  database: fc.constantFrom('*', ...NAMES),
  collection: fc.constantFrom('*', ...NAMES),
});
type Step = { readonly create: ScopePattern[] } | { readonly remove: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ create: fc.uniqueArray(pattern, { minLength: 1, maxLength: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ remove: fc.nat(5) }) },
);
const steps = fc.array(step, { maxLength: 12 });

function tryScope(include: readonly ScopePattern[], neighbours: readonly Task[]): Scope | undefined {
  try {
    return decideScope({ include, mappings: [], replicateRoles: false }, neighbours);
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

/** Runs the steps; `check` sees the tasks after each. */
function play(steps: readonly Step[], check: (tasks: readonly Task[]) => void): void {
  let tasks: Task[] = [];
  for (const [i, what] of steps.entries()) {
    if ('remove' in what) tasks = tasks.filter((_, index) => index !== what.remove);
    else {
      const scope = tryScope(what.create, tasks);
      const createdAt = new Date(Date.UTC(2030, 0, 1) + (i >> 1)).toISOString();
      if (scope !== undefined) tasks.push(sampleTask({ scope, createdAt }));
    }
    check(tasks);
  }
}

function writers(tasks: readonly Task[], { database, collection }: ScopePattern): Task[] {
  return tasks.filter((task) => inScope(scopeOf(task, tasks), database, collection));
}

function scopeOf(task: Task, tasks: readonly Task[]): Scope {
  return scopeBeside(
    task,
    tasks.filter((other) => other !== task),
  );
}

function asks({ scope }: Task, name: ScopePattern): boolean {
  return scope.include.some((pattern) => covers(pattern, name));
}

test('whatever is created and deleted, a collection has one writer, or none where nobody asks for it', () => {
  fc.assert(
    fc.property(steps, (what) => {
      play(what, (tasks) => {
        const wrong = COLLECTIONS.filter((name) => {
          const asked = tasks.some((task) => asks(task, name));
          return writers(tasks, name).length !== (asked ? 1 : 0);
        });
        expect(wrong).toEqual([]);
      });
    }),
    { numRuns: 5000 },
  );
});

test('a collection that several tasks excluded and that each asks for in several ways has one writer', () => {
  const c = { database: 'c', collection: 'c' };
  const [anyOfC, anyC, any] = [
    { database: 'c', collection: '*' },
    { database: '*', collection: 'c' },
    { database: '*', collection: '*' },
  ];
  play([{ create: [c] }, { create: [anyOfC] }, { create: [anyC, any] }, { remove: 0 }], (tasks) => {
    expect(writers(tasks, c)).toHaveLength(1);
  });
});

test('a part is another one when any name has another writer, and only then', () => {
  fc.assert(
    fc.property(steps, steps, (first, second) => {
      const seen: (readonly Task[])[] = [];
      play([...first, ...second], (tasks) => seen.push([...tasks]));
      const [before, after] = [seen[first.length - 1] ?? [], seen.at(-1) ?? []];
      const [task] = before.filter((one) => after.includes(one));
      if (task === undefined) return;
      const others = (tasks: readonly Task[]) => tasks.filter(({ id }) => id !== task.id);
      const has = (tasks: readonly Task[]) =>
        COLLECTIONS.filter((name) =>
          inScope(scopeBeside(task, others(tasks)), name.database, name.collection),
        );
      if (JSON.stringify(has(before)) === JSON.stringify(has(after))) return;
      expect(hasSamePart(task, others(before), others(after))).toBe(false);
    }),
    { numRuns: 500 },
  );
});

test('what a task tells that it leaves to another is what that one writes', () => {
  fc.assert(
    fc.property(steps, (what) => {
      play(what, (tasks) => {
        for (const task of tasks) {
          const others = tasks.filter((other) => other !== task);
          for (const { pattern, taskId } of leftOut(task, others)) {
            if (pattern.database === '*' || pattern.collection === '*') continue;
            expect(writers(tasks, pattern).map(({ id }) => id)).toEqual([taskId]);
          }
        }
      });
    }),
    { numRuns: 1000 },
  );
});

test('only what excluded something ever changes its scope', () => {
  fc.assert(
    fc.property(steps, (what) => {
      play(what, (tasks) => {
        for (const task of tasks) {
          if (task.scope.exclude.length > 0) continue;
          const others = tasks.filter((other) => other !== task);
          expect(hasSamePart(task, others, [])).toBe(true);
        }
      });
    }),
    { numRuns: 1000 },
  );
});

test('a collection can be had by its name unless a task has it that did not exclude it', () => {
  fc.assert(
    fc.property(steps, (what) => {
      let tasks: readonly Task[] = [];
      play(what, (now) => {
        tasks = now;
      });
      for (const name of COLLECTIONS) {
        const [writer] = writers(tasks, name);
        const held = writer?.scope.exclude.some((left) => covers(left, name)) === false;
        const scope = tryScope([name], tasks);
        expect(scope !== undefined).toBe(!held);
        if (scope === undefined) continue;
        const taker = sampleTask({ scope, createdAt: '2031-01-01T00:00:00.000Z' });
        expect(writers([...tasks, taker], name)).toEqual([taker]);
        if (writer !== undefined) expect(yieldsTo(writer, taker)).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});

test('several duplicates are told together, as a list', () => {
  const scope = { include: [{ database: 'default', collection: '*' }], exclude: [] };
  const include = NAMES.map((collection) => ({ database: 'default', collection }));
  expect(() =>
    decideScope({ include, mappings: [], replicateRoles: false }, [sampleTask({ scope })]),
  ).toThrow('the collection name is duplicate with existing task, [default.a default.b default.c]');
});
