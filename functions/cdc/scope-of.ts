import { ANY, type NameMapping, type ScopePattern } from '#shared/task/scope.ts';
import type { CollectionInfo, CreateRequest } from './requests.ts';

/** The database of `collection_infos`, and what an empty database name means to Milvus. */
export const DEFAULT_DATABASE = 'default';

/** A collection asked for, with the database it is in. */
export interface Choice {
  readonly database: string;
  readonly info: CollectionInfo;
}

/** What a create asks for, in the order given. */
export function choicesOf(request: CreateRequest): Choice[] {
  const ofDatabases = Object.entries(request.db_collections ?? {}).flatMap(([database, infos]) =>
    (infos ?? []).map((info) => ({ database: database || DEFAULT_DATABASE, info })),
  );
  const plain = (request.collection_infos ?? []).map((info) => ({ database: DEFAULT_DATABASE, info }));
  return [...plain, ...ofDatabases];
}

/** The patterns asked for, each once. */
export function patternsOf(request: CreateRequest): ScopePattern[] {
  const patterns = new Map<string, ScopePattern>();
  for (const { database, info } of choicesOf(request)) {
    const pattern = { database, collection: info.name };
    patterns.set(patternText(pattern), pattern);
  }
  return [...patterns.values()];
}

export function mappingsOf(request: CreateRequest): NameMapping[] {
  return (request.name_mapping ?? []).map((mapping) => ({
    sourceDatabase: mapping.source_db,
    targetDatabase: mapping.target_db || DEFAULT_DATABASE,
    collections: mapping.collection_mapping ?? {},
  }));
}

/** `db.collection`: how messages name a pattern. */
export function patternText(pattern: ScopePattern): string {
  return `${pattern.database}.${pattern.collection}`;
}

export function isWildcard(pattern: ScopePattern): boolean {
  return pattern.database === ANY || pattern.collection === ANY;
}
