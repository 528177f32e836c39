import { z } from 'zod';
import { covers, inScope, mapName } from '#shared/task/scope.ts';
import { neighboursOf, scopeBeside } from '#shared/task/shared-target.ts';
import type { Task } from '#shared/task/task.ts';
import type { SourceCollection, SourceFacts } from '../probe/source-probe.ts';
import type { TargetFacts } from '../probe/target-probe.ts';
import type { Preview } from './creation.ts';
import { patternText } from './scope-of.ts';

const planned = z.strictObject({
  source: z.string().describe('`database.collection`'),
  target: z.string().describe('`database.collection`'),
  history_complete: z
    .boolean()
    .describe('False: the log no longer reaches back to its creation, rows from before are not copied'),
});
export type PlannedCollection = z.output<typeof planned>;

const leftOut = z.strictObject({ source: z.string().describe('`database.collection`'), why: z.string() });

export const dryRunSchema = z
  .strictObject({
    dry_run: z.literal(true),
    exists: z
      .boolean()
      .describe('True: the id is taken, and a create would answer that task, whatever its request says'),
    task_id: z.string(),
    source: z.strictObject({
      version: z.string(),
      log_retention_ms: z
        .number()
        .nullable()
        .optional()
        .describe('How long the log keeps changes, null for ever; absent when the source does not tell'),
    }),
    target: z.strictObject({ version: z.string() }),
    databases: z.array(z.string()).describe('Those that hold something that would be replicated now'),
    collections: z.array(planned),
    left_out: z.array(leftOut),
    not_listed: z
      .number()
      .meta({ type: 'integer' })
      .optional()
      .describe('Collections of both lists that the answer has no room for'),
    warnings: z.array(z.string()),
  })
  .describe('What a create would do');

/** What a create would do: the answer to `"dry_run": true`. */
export type DryRun = z.output<typeof dryRunSchema>;

/** An answer has a size limit. */
const MAX_LISTED = 1_000;

/** Tells what the task of a preview would replicate of what the source holds. Pure. */
export function dryRunOf(
  { task, known, neighbours }: Preview,
  { source, target }: { readonly source: SourceFacts; readonly target: TargetFacts },
): DryRun {
  const all = source.collections.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const scope = scopeBeside(task, neighbours);
  const isPlanned = ({ database, name }: SourceCollection) => inScope(scope, database, name);
  const chosen = all.filter(isPlanned);
  const others = all.filter((collection) => !isPlanned(collection));
  const hidden = [chosen, others].reduce((sum, list) => sum + Math.max(0, list.length - MAX_LISTED), 0);
  return {
    dry_run: true,
    exists: known,
    task_id: task.id,
    source: {
      version: source.version,
      ...(source.retention === undefined ? {} : { log_retention_ms: source.retention.ms }),
    },
    target: { version: target.version },
    databases: [...new Set(chosen.map(({ database }) => database))],
    collections: chosen.slice(0, MAX_LISTED).map((collection) => plannedOf(task, collection)),
    left_out: others.slice(0, MAX_LISTED).map((collection) => ({
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
  const asked = task.scope.include.some((pattern) => covers(pattern, { database, collection: name }));
  const tasks = [task, ...neighbours];
  const owner = tasks.find((one) => inScope(scopeBeside(one, neighboursOf(one, tasks)), database, name));
  return owner === undefined || !asked
    ? 'it is not asked for'
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
