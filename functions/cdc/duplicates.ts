import {
  ANY,
  covers,
  intersection,
  type NameMapping,
  type Scope,
  type ScopePattern,
} from '#shared/task/scope.ts';
import type { Task } from '#shared/task/task.ts';
import { clientError } from './errors.ts';
import { goList } from './go-text.ts';
import { isWildcard, patternText } from './scope-of.ts';

export interface ScopeWish {
  readonly include: readonly ScopePattern[];
  readonly mappings: readonly NameMapping[];
  readonly replicateRoles: boolean;
}

/** Decides whether a wish may be granted beside the live tasks of the same target, and what it has to leave to them.
 *  Pure; the answer holds as long as the target's scope entry does. Fails with an `ApiError`.
 *
 *  **A collection never has two writers:** what an existing task claims is either a duplicate or is excluded from the
 *  new one. milvus-cdc's rules, with these differences: role lock and mappings do not outlive their tasks; what is
 *  excluded stays free for a task of that name, as there, but is not left to nobody meanwhile (see `shared-target.ts`);
 *  and where two wildcards cross (`default.*` and `*.foo`) the later one leaves out what they share. */
export function decideScope(wish: ScopeWish, neighbours: readonly Task[]): Scope {
  if (wish.replicateRoles && neighbours.some((task) => task.replicateRoles)) {
    throw clientError('the enable user role param is duplicate');
  }
  const exclude = excludes(wish.include, neighbours);
  // What would be left out as a whole must not be promised.
  const isLeft = (pattern: ScopePattern) => exclude.some((left) => covers(left, pattern));
  const duplicates = wish.include.filter(
    (pattern) => isLeft(pattern) || neighbours.some((task) => takes(task, pattern)),
  );
  if (duplicates.length > 0) {
    const names = goList(duplicates.map(patternText));
    throw clientError(`the collection name is duplicate with existing task, ${names}`);
  }
  checkMapping(wish);
  return { include: [...wish.include], exclude };
}

/** True when the task already replicates all of `pattern`. Everything (`*.*`) is a duplicate only of everything. */
function takes(task: Task, pattern: ScopePattern): boolean {
  const { include, exclude } = task.scope;
  if (include.some((taken) => patternText(taken) === patternText(pattern))) return true;
  if (pattern.database === ANY && pattern.collection === ANY) return false;
  if (exclude.some((left) => covers(left, pattern))) return false;
  return include.some((taken) => isWildcard(taken) && covers(taken, pattern));
}

/** Each mapped source name has to be in the request's own scope; a mapping of a whole database needs a wildcard. */
function checkMapping({ include, mappings }: ScopeWish): void {
  for (const { sourceDatabase: database, collections } of mappings) {
    const names = Object.keys(collections);
    for (const collection of names.length === 0 ? [ANY] : names) {
      if (!include.some((pattern) => covers(pattern, { database, collection }))) {
        throw clientError(
          'the collection name in the name mapping is not in the collection info, checkout it',
        );
      }
    }
  }
}

function excludes(include: readonly ScopePattern[], neighbours: readonly Task[]): ScopePattern[] {
  const left = new Map<string, ScopePattern>();
  for (const pattern of include) {
    for (const task of neighbours) {
      for (const taken of task.scope.include) {
        const shared = intersection(pattern, taken);
        if (shared === undefined || task.scope.exclude.some((other) => covers(other, shared))) continue;
        left.set(patternText(shared), shared);
      }
    }
  }
  return [...left.values()].toSorted((a, b) => (patternText(a) < patternText(b) ? -1 : 1));
}
