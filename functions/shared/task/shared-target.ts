import { ANY, covers, intersection, type Scope, type ScopePattern } from './scope.ts';
import type { Task } from './task.ts';

/** What decides who of one target's tasks replicates a collection that several ask for. */
export type Claimant = Pick<Task, 'id' | 'createdAt' | 'scope'>;

/** The other ones of `tasks` that replicate to the same target as this one. */
export function neighboursOf(
  task: Pick<Task, 'id' | 'targetIdentity'>,
  tasks: readonly Task[],
): readonly Task[] {
  return tasks.filter((other) => other.targetIdentity === task.targetIdentity && other.id !== task.id);
}

/** Who of the living tasks of a target has a collection; undefined where nobody asks for it. Pure, and the same for
 *  whoever asks, so that control plane and replicators agree without talking to each other. `*` in `name` stands for all
 *  that nobody asks for by name.
 *
 *  Who did not exclude it when it was created has it. At most one such task lives, because a later one excludes what that
 *  one asks for. Once it is deleted, the one that asks for it most closely has it (the oldest of several), until another
 *  create by that name takes it again. */
export function ownerOf(name: ScopePattern, tasks: readonly Claimant[]): Claimant | undefined {
  const claims = tasks
    .map((task) => ({ task, width: widthOf(task, name), yields: excludes(task, name) }))
    .filter(({ width }) => width < Number.POSITIVE_INFINITY);
  const [first] = claims.toSorted(
    (a, b) => Number(a.yields) - Number(b.yields) || a.width - b.width || byAge(a.task, b.task),
  );
  return first?.task;
}

/** The scope that a task has beside the other living tasks of its target, `neighbours`. One that excluded nothing when it
 *  was created has the same one for ever. */
export function scopeBeside(task: Claimant, neighbours: readonly Claimant[]): Scope {
  const tasks = [task, ...neighbours];
  return { ...task.scope, has: (name) => ownerOf(name, tasks) === task };
}

/** Something that a task asks for and another one has. */
export interface LeftOut {
  readonly pattern: ScopePattern;
  /** Who has it. */
  readonly taskId: string;
}

/** What a task leaves to its neighbours, for people: narrower patterns among them may belong to others again. */
export function leftOut(task: Claimant, neighbours: readonly Claimant[]): readonly LeftOut[] {
  const tasks = [task, ...neighbours];
  const found = new Map<string, LeftOut>();
  for (const asked of task.scope.include) {
    for (const taken of neighbours.flatMap(({ scope }) => scope.include)) {
      const pattern = intersection(asked, taken);
      const owner = pattern && ownerOf(pattern, tasks);
      if (pattern === undefined || owner === undefined || owner === task) continue;
      found.set(`${pattern.database}.${pattern.collection}`, { pattern, taskId: owner.id });
    }
  }
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, left]) => left);
}

/** True when the task has the same part of its target beside these neighbours as beside those. */
export function hasSamePart(task: Claimant, these: readonly Claimant[], those: readonly Claimant[]): boolean {
  const [before, after] = [scopeBeside(task, these), scopeBeside(task, those)];
  // What no pattern names is told apart by none.
  const patterns = [task, ...these, ...those].flatMap(({ scope }) => [...scope.include, ...scope.exclude]);
  const databases = new Set([ANY, ...patterns.map(({ database }) => database)]);
  const collections = new Set([ANY, ...patterns.map(({ collection }) => collection)]);
  for (const database of databases) {
    for (const collection of collections) {
      const name = { database, collection };
      if (before.has?.(name) !== after.has?.(name)) return false;
    }
  }
  return true;
}

/** True when both ask for something that the other asks for, too. */
export function overlaps(a: Claimant, b: Claimant): boolean {
  return a.scope.include.some((mine) => b.scope.include.some((theirs) => intersection(mine, theirs)));
}

/** True when `task` gives way to a task that comes later and asks for something that it excluded. */
export function yieldsTo(task: Claimant, other: Claimant): boolean {
  return task.scope.exclude.some((left) => other.scope.include.some((asked) => intersection(left, asked)));
}

function excludes({ scope }: Claimant, name: ScopePattern): boolean {
  return scope.exclude.some((left) => covers(left, name));
}

/** Wildcards in the narrowest pattern by which a task asks for something; infinite for none. */
function widthOf({ scope }: Claimant, name: ScopePattern): number {
  const asking = scope.include.filter((pattern) => covers(pattern, name));
  return Math.min(...asking.map((pattern) => Object.values(pattern).filter((part) => part === ANY).length));
}

function byAge(a: Claimant, b: Claimant): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}
