import type { TaskObject } from '#shared/task/run.ts';
import { covers, inScope, type ScopePattern } from '#shared/task/scope.ts';
import type { Task } from '#shared/task/task.ts';
import type { Catalog } from '../engine/catalog.ts';
import type { ChangeSource } from '../source/change-source.ts';
import { inherit } from './estate.ts';
import { foundObject } from './found-object.ts';
import { ownPlaces } from './placement.ts';

export interface TakeOverOptions {
  readonly catalog: Catalog;
  /** With the scope that it has beside the other tasks of its target. */
  readonly task: Task;
  /** What it asked for and other tasks had when it was created. */
  readonly excluded: readonly ScopePattern[];
  /** What others knew of collections that are this task's now. */
  readonly estate: readonly TaskObject[];
  readonly isKnown: (id: bigint) => boolean;
  readonly source: ChangeSource;
  readonly signal: AbortSignal;
}

/** The collections that other tasks had until now, each with cursors of its own, because the main ones are past it: from
 *  where it was left, or, where nobody knows that any more, from its beginning on. Fails as the source does. */
export async function takeOver(options: TakeOverOptions): Promise<readonly TaskObject[]> {
  const { catalog, task, excluded, estate, isKnown, source, signal } = options;
  const taken = new Map<string, TaskObject>();
  for (const left of estate) {
    if (isKnown(BigInt(left.collectionId))) continue;
    const inherited = await inherit(left, { task, source, signal });
    if (inherited !== undefined) taken.set(left.collectionId, inherited);
  }
  for (const found of catalog.collections.values()) {
    const { id, database, name, state } = found;
    if (state !== 'created' || isKnown(id) || taken.has(String(id))) continue;
    const wasExcluded = excluded.some((pattern) => covers(pattern, { database, collection: name }));
    if (!wasExcluded || !inScope(task.scope, database, name)) continue;
    const places = await ownPlaces({ collection: found, task, source, signal });
    taken.set(String(id), { ...foundObject(task, found), ...places });
  }
  return [...taken.values()];
}
