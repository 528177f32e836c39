import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inScope, type Scope, type ScopePattern } from '#shared/task/scope.ts';
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
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ create: fc.uniqueArray(pattern, { minLength: 1, maxLength: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ remove: fc.nat(5) }) },
);

function tryScope(include: readonly ScopePattern[], neighbours: readonly Task[]): Scope | undefined {
  try {
    return decideScope({ include, mappings: [], replicateRoles: false }, neighbours);
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

function writers(tasks: readonly Task[], { database, collection }: ScopePattern): Task[] {
  return tasks.filter((task) => inScope(task.scope, database, collection));
}

test('whatever is created and deleted, a collection never has two writers', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      let tasks: Task[] = [];
      for (const what of steps) {
        if ('remove' in what) tasks = tasks.filter((_, i) => i !== what.remove);
        else {
          const scope = tryScope(what.create, tasks);
          if (scope !== undefined) tasks.push(sampleTask({ scope }));
        }
        for (const name of COLLECTIONS) expect(writers(tasks, name).length).toBeLessThan(2);
      }
    }),
    { numRuns: 2000 },
  );
});

test('a collection that nobody writes can always be had by its name', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      let tasks: Task[] = [];
      for (const what of steps) {
        if ('remove' in what) tasks = tasks.filter((_, i) => i !== what.remove);
        else {
          const scope = tryScope(what.create, tasks);
          if (scope !== undefined) tasks.push(sampleTask({ scope }));
        }
      }
      for (const name of COLLECTIONS) {
        const granted = tryScope([name], tasks) !== undefined;
        expect(granted).toBe(writers(tasks, name).length === 0);
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
