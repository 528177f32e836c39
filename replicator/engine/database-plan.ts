import { carriesDatabase, mapDatabase, type NameMapping, type Scope } from '#shared/task/scope.ts';
import type { TargetDatabase } from '../target/target.ts';
import { type Catalog, DEFAULT_DATABASE } from './catalog.ts';

/** What this task wrote down about a database of the target; see `TaskDatabase`. */
export interface KnownDatabase {
  readonly createdHere: boolean;
  readonly createdAt?: string | undefined;
}

/** One database of the target, by name, as seen at one moment. */
export interface DatabaseView {
  /** The source has a database that it stands for. */
  readonly wanted: boolean;
  /** The source has one, and another task of the same target has it. */
  readonly left: boolean;
  /** A collection that is to be made in it waits for it. */
  readonly awaited: boolean;
  /** A collection of this task is in it, or will be. */
  readonly inUse: boolean;
  readonly known: KnownDatabase | undefined;
  /** As the target listed it just now. */
  readonly found: TargetDatabase | undefined;
}

export type DatabaseStep =
  | { readonly kind: 'none' }
  /** `noted`: after it was written down, because it is dropped again one day. */
  | { readonly kind: 'create'; readonly noted: boolean }
  /** It is there: write down what it is. */
  | { readonly kind: 'note'; readonly as: Required<KnownDatabase> }
  | { readonly kind: 'drop' }
  /** The source no longer has it, but it is somebody else's. */
  | { readonly kind: 'leave' }
  | { readonly kind: 'forget' };

/** Names of the target's databases that stand for one of the source's: of those that the scope holds as a whole. */
export function wantedDatabases(
  catalog: Pick<Catalog, 'databases'>,
  task: { readonly scope: Scope; readonly mappings: readonly NameMapping[] },
): ReadonlySet<string> {
  const wanted = new Set<string>();
  for (const { name } of catalog.databases.values()) {
    if (carriesDatabase(task.scope, name)) wanted.add(mapDatabase(task.mappings, name));
  }
  // Every Milvus has it, and none drops it.
  wanted.delete(DEFAULT_DATABASE);
  return wanted;
}

/** Those of them that other tasks of the same target have: what the task asked for and its scope excludes. */
export function leftDatabases(
  catalog: Pick<Catalog, 'databases'>,
  task: { readonly scope: Scope; readonly mappings: readonly NameMapping[] },
): ReadonlySet<string> {
  const wanted = wantedDatabases(catalog, task);
  const asked = wantedDatabases(catalog, { ...task, scope: { include: task.scope.include, exclude: [] } });
  return new Set([...asked].filter((name) => !wanted.has(name)));
}

/** Says what to do about a database of the target, so that the databases in scope are the same on both sides.
 *
 *  It is known by name, not by the source's id: dropped and made again on the source it is still the same empty thing on
 *  the target, and its collections have ids of their own. Only what this task made is dropped, as long as it is that very
 *  one; what it holds besides is for the target to see. Pure. */
export function planDatabase(view: DatabaseView): DatabaseStep {
  const { wanted, left, awaited, inUse, known, found } = view;
  if (left && (found !== undefined || !awaited)) {
    return { kind: known === undefined ? 'none' : 'forget' };
  }
  if (found === undefined) {
    if (wanted || awaited) return { kind: 'create', noted: wanted };
    return { kind: known === undefined ? 'none' : 'forget' };
  }
  const ours = known?.createdHere === true && isSame(known, found);
  if (wanted) {
    const createdAt = told(found) ?? known?.createdAt;
    const noted = known?.createdHere === ours && known.createdAt === createdAt;
    return noted ? { kind: 'none' } : { kind: 'note', as: { createdHere: ours, createdAt } };
  }
  if (known === undefined || inUse) return { kind: 'none' };
  return { kind: ours ? 'drop' : 'leave' };
}

/** How a database's time of creation is written down. */
function told({ createdAt }: TargetDatabase): string | undefined {
  return createdAt === undefined ? undefined : String(createdAt);
}

/** True unless the target tells that another one has taken its name. One whose making was not answered has no time yet;
 *  what then stands under the name was made by it. */
function isSame({ createdAt }: KnownDatabase, found: TargetDatabase): boolean {
  const now = told(found);
  return createdAt === undefined || now === undefined || createdAt === now;
}
