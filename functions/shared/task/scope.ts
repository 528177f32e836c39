import { z } from 'zod';

/** Matches every name. */
export const ANY = '*';

/** Which collections a task is about: `database` and `collection` are names or {@link ANY}. */
export const scopePatternSchema = z.object({ database: z.string(), collection: z.string() });
export type ScopePattern = z.output<typeof scopePatternSchema>;

export const scopeSchema = z.object({
  include: z.array(scopePatternSchema).min(1),
  /** What other tasks of the same target had when this one was created: theirs as long as one of them is there, this
   *  task's own otherwise. See `scopeBeside`. */
  exclude: z.array(scopePatternSchema),
});

/** Which collections a task has. As it is stored: what it did not exclude when it was created. */
export interface Scope extends z.output<typeof scopeSchema> {
  /** Beside the tasks that it shares its target with: what is its own of what it asks for. */
  readonly has?: ((name: ScopePattern) => boolean) | undefined;
}

/** Where a source collection goes on the target when not under its own name. */
export const nameMappingSchema = z.object({
  sourceDatabase: z.string(),
  targetDatabase: z.string(),
  /** Source collection name -> target collection name; empty: the whole database. */
  collections: z.record(z.string(), z.string()),
});
export type NameMapping = z.output<typeof nameMappingSchema>;

/** True when every collection that `inner` can match is matched by `outer`. */
export function covers(outer: ScopePattern, inner: ScopePattern): boolean {
  return (
    (outer.database === ANY || outer.database === inner.database) &&
    (outer.collection === ANY || outer.collection === inner.collection)
  );
}

/** What both patterns match, or undefined when nothing can match both. */
export function intersection(a: ScopePattern, b: ScopePattern): ScopePattern | undefined {
  const database = narrower(a.database, b.database);
  const collection = narrower(a.collection, b.collection);
  return database === undefined || collection === undefined ? undefined : { database, collection };
}

function narrower(a: string, b: string): string | undefined {
  if (a === ANY) return b;
  return b === ANY || a === b ? a : undefined;
}

export function inScope(scope: Scope, database: string, collection: string): boolean {
  const name = { database, collection };
  if (!scope.include.some((p) => covers(p, name))) return false;
  return scope.has?.(name) ?? !scope.exclude.some((p) => covers(p, name));
}

/** True when the scope holds all of that database, and so the database itself: single collections do not. */
export function carriesDatabase(scope: Scope, database: string): boolean {
  return inScope(scope, database, ANY);
}

/** True when the scope can hold anything of that database. */
export function databaseInScope(scope: Scope, database: string): boolean {
  return scope.include.some((p) => p.database === ANY || p.database === database);
}

/** The target's name of a source collection. A mapping of the collection itself wins over one of its database. */
export function mapName(
  mappings: readonly NameMapping[],
  database: string,
  collection: string,
): { readonly database: string; readonly collection: string } {
  const ofDatabase = mappings.filter((m) => m.sourceDatabase === database);
  for (const m of ofDatabase) {
    const mapped = Object.hasOwn(m.collections, collection) ? m.collections[collection] : undefined;
    if (mapped !== undefined) return { database: m.targetDatabase, collection: mapped };
  }
  return { database: mapDatabase(mappings, database), collection };
}

/** The target's name of a source database. A mapping of single collections says nothing about their database. */
export function mapDatabase(mappings: readonly NameMapping[], database: string): string {
  const whole = mappings.find(
    (m) => m.sourceDatabase === database && Object.keys(m.collections).length === 0,
  );
  return whole?.targetDatabase ?? database;
}
