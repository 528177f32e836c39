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

/** Something that a task asks for and another one has. */
export interface LeftOut {
  readonly pattern: ScopePattern;
  /** Who has it. */
  readonly taskId: string;
}

/** What a task leaves to the other living tasks of its target, `neighbours`. Pure, and the same for whoever asks, so
 *  that control plane and replicators agree without talking to each other.
 *
 *  **Invariant:** of the living tasks that ask for a collection exactly one has it. Who did not exclude it when it was
 *  created has it; at most one such task lives, because a later one excludes what that one asks for. Once it is deleted,
 *  the narrowest of the others has it, until another create by that name takes it again. */
export function leftOut(task: Claimant, neighbours: readonly Claimant[]): readonly LeftOut[] {
  const found = new Map<string, { readonly pattern: ScopePattern; readonly claim: Claim }>();
  for (const asked of task.scope.include) {
    for (const claim of neighbours.flatMap(claimsOf)) {
      const pattern = intersection(asked, claim.asked);
      if (pattern === undefined || !hasBefore(claim, { claimant: task, asked }, pattern)) continue;
      const name = `${pattern.database}.${pattern.collection}`;
      const other = found.get(name)?.claim;
      if (other === undefined || hasBefore(claim, other, pattern)) found.set(name, { pattern, claim });
    }
  }
  return [...found]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { pattern, claim }]) => ({ pattern, taskId: claim.claimant.id }));
}

/** The scope that a task has beside its neighbours: what it asked for without what it leaves to them. A task that
 *  excluded nothing when it was created has the same one for ever. */
export function scopeBeside(task: Claimant, neighbours: readonly Claimant[]): Scope {
  return {
    include: task.scope.include,
    exclude: leftOut(task, neighbours).map(({ pattern }) => pattern),
  };
}

/** True when both ask for something that the other asks for, too. */
export function overlaps(a: Claimant, b: Claimant): boolean {
  return a.scope.include.some((mine) => b.scope.include.some((theirs) => intersection(mine, theirs)));
}

/** True when `task` gives way to a task that comes later and asks for something that it excluded. */
export function yieldsTo(task: Claimant, other: Claimant): boolean {
  return task.scope.exclude.some((left) => other.scope.include.some((asked) => intersection(left, asked)));
}

interface Claim {
  readonly claimant: Claimant;
  /** The pattern that the claim rests on. */
  readonly asked: ScopePattern;
}

function claimsOf(claimant: Claimant): Claim[] {
  return claimant.scope.include.map((asked) => ({ claimant, asked }));
}

function hasBefore(a: Claim, b: Claim, pattern: ScopePattern): boolean {
  const [aYields, bYields] = [a, b].map(({ claimant }) => excludes(claimant, pattern));
  if (aYields !== bYields) return bYields === true;
  if (aYields === false) return false;
  const width = wildcards(a.asked) - wildcards(b.asked);
  if (width !== 0) return width < 0;
  const [x, y] = [a.claimant, b.claimant];
  return x.createdAt === y.createdAt ? x.id < y.id : x.createdAt < y.createdAt;
}

function excludes({ scope }: Claimant, pattern: ScopePattern): boolean {
  return scope.exclude.some((left) => covers(left, pattern));
}

function wildcards({ database, collection }: ScopePattern): number {
  return Number(database === ANY) + Number(collection === ANY);
}
