import { covers, inScope, mapName, type ScopePattern } from '#shared/task/scope.ts';
import type { Task } from '#shared/task/task.ts';
import type { SourceCollection, SourceFacts } from '../probe/source-probe.ts';
import type { TargetFacts } from '../probe/target-probe.ts';
import type { Preview } from './creation.ts';
import { patternText } from './scope-of.ts';

/** What a create would do: the answer to `"dry_run": true`. */
export interface DryRun {
  readonly dry_run: true;
  /** True: the id is taken, and a create would answer that task, whatever its request says. */
  readonly exists: boolean;
  readonly task_id: string;
  /** `log_retention_ms`: how long the log keeps changes, null for ever; left out when the source does not tell. */
  readonly source: { readonly version: string; readonly log_retention_ms?: number | null };
  readonly target: { readonly version: string };
  /** Databases that hold something that would be replicated now. */
  readonly databases: readonly string[];
  readonly collections: readonly PlannedCollection[];
  readonly left_out: readonly LeftOut[];
  /** Collections of both lists that the answer has no room for. */
  readonly not_listed?: number | undefined;
  readonly warnings: readonly string[];
}

export interface PlannedCollection {
  /** `database.collection` */
  readonly source: string;
  readonly target: string;
  /** False: the log no longer reaches back to its creation, rows from before are not copied. */
  readonly history_complete: boolean;
}

export interface LeftOut {
  readonly source: string;
  readonly why: string;
}

/** An answer has a size limit. */
const MAX_LISTED = 1_000;

/** Tells what the task of a preview would replicate of what the source holds. Pure. */
export function dryRunOf(
  { task, known, others }: Preview,
  { source, target }: { readonly source: SourceFacts; readonly target: TargetFacts },
): DryRun {
  const all = source.collections.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const isPlanned = ({ database, name }: SourceCollection) => inScope(task.scope, database, name);
  const planned = all.filter(isPlanned);
  const leftOut = all.filter((collection) => !isPlanned(collection));
  const neighbours = others.filter(
    (other) => other.targetIdentity === task.targetIdentity && other.id !== task.id,
  );
  const hidden = [planned, leftOut].reduce((sum, list) => sum + Math.max(0, list.length - MAX_LISTED), 0);
  return {
    dry_run: true,
    exists: known,
    task_id: task.id,
    source: {
      version: source.version,
      ...(source.retention === undefined ? {} : { log_retention_ms: source.retention.ms }),
    },
    target: { version: target.version },
    databases: [...new Set(planned.map(({ database }) => database))],
    collections: planned.slice(0, MAX_LISTED).map((collection) => plannedOf(task, collection)),
    left_out: leftOut.slice(0, MAX_LISTED).map((collection) => ({
      source: nameOf(collection),
      why: whyLeft(task, collection, neighbours),
    })),
    ...(hidden > 0 ? { not_listed: hidden } : {}),
    warnings: [...source.warnings, ...absent(task, all)],
  };
}

function plannedOf(task: Task, collection: SourceCollection): PlannedCollection {
  const { database, name, historyComplete } = collection;
  const mapped = mapName(task.mappings, database, name);
  return {
    source: nameOf(collection),
    target: `${mapped.database}.${mapped.collection}`,
    history_complete: historyComplete ?? true,
  };
}

function whyLeft(task: Task, { database, name }: SourceCollection, neighbours: readonly Task[]): string {
  const place = { database, collection: name };
  const matches = (patterns: readonly ScopePattern[]) => patterns.some((pattern) => covers(pattern, place));
  if (!matches(task.scope.include)) return 'it is not asked for';
  const owner = neighbours.find((other) => inScope(other.scope, database, name));
  return owner === undefined
    ? 'another task took it when this one was created'
    : `task ${owner.id} replicates it to the same target`;
}

/** A name may be asked for before it exists; a misspelt one looks the same. */
function absent({ scope }: Task, all: readonly SourceCollection[]): string[] {
  return scope.include
    .filter((pattern) => !all.some(({ database, name }) => covers(pattern, { database, collection: name })))
    .map((pattern) => `the source holds no ${patternText(pattern)} yet; it is followed as soon as it does`);
}

function nameOf({ database, name }: SourceCollection): string {
  return `${database}.${name}`;
}
