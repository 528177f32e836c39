import { clientError } from './errors.ts';
import { goList } from './go-text.ts';
import type { CreateRequest } from './requests.ts';
import { choicesOf, mappingsOf } from './scope-of.ts';
import { checkTaskId } from './task-id.ts';

/** Rules that milvus-cdc lacks and needs: a dot in a name makes its next create panic, a mapping may send two
 *  collections to one place, and an id of any length breaks a store. */
export function checkNames(request: CreateRequest): void {
  const dotted = namesOf(request).filter((name) => name.includes('.'));
  if (dotted.length > 0) {
    throw clientError(`a database or collection name must not contain a dot, ${goList(dotted)}`);
  }
  checkMappingTargets(request);
  checkTaskId(request.task_id);
}

function namesOf(request: CreateRequest): string[] {
  const chosen = choicesOf(request).flatMap(({ database, info }) => [database, info.name]);
  const mapped = mappingsOf(request).flatMap((mapping) => [
    mapping.sourceDatabase,
    mapping.targetDatabase,
    ...Object.entries(mapping.collections).flat(),
  ]);
  return [...new Set([...chosen, ...mapped])];
}

function checkMappingTargets(request: CreateRequest): void {
  const places = new Map<string, string>();
  for (const { sourceDatabase, targetDatabase, collections } of mappingsOf(request)) {
    for (const [source, target] of Object.entries(collections)) {
      if (target === '') throw clientError(`the name mapping of ${source} names no collection`);
      const from = `${sourceDatabase}.${source}`;
      const to = `${targetDatabase}.${target}`;
      const other = places.get(to);
      if (other !== undefined && other !== from) {
        throw clientError(`the name mapping sends two collections to one, ${goList([other, from])} to ${to}`);
      }
      places.set(to, from);
    }
  }
}
