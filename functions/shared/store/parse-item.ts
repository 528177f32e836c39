import type { z } from 'zod';
import { ITEM_VERSION } from '../task/task.ts';
import { CorruptItemError, NewerItemError } from './task-store.ts';

/** An item as it must be, from what a store holds. `name` is how an operator finds it (`task t1`, `run of t1`).
 *  Members that only a newer release knows stay in it, so that they are not lost when it is written back.
 *  The messages carry paths and expectations, never values: an item may hold what a user wants nobody to log. */
export function parseItem<T extends object>(schema: z.ZodType<T>, raw: unknown, name: string): T {
  const version = typeof raw === 'object' && raw !== null && 'version' in raw ? raw.version : undefined;
  if (typeof version === 'number' && version > ITEM_VERSION) {
    throw new NewerItemError(
      `${name} was written by a newer release (version ${version}, this one reads up to ${ITEM_VERSION}); ` +
        'go back to that release or to a later one',
    );
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return { ...(raw as object), ...parsed.data };
  const problems = parsed.error.issues.map((i) => `${i.path.join('.') || 'item'}: ${i.code}`).join(', ');
  throw new CorruptItemError(`${name} cannot be read (${problems})`);
}

/** A stored JSON text, for {@link parseItem}. */
export function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the text, so it is not passed on.
    throw new CorruptItemError(`${name} cannot be read (not JSON)`);
  }
}

/** How errors name the items. */
export const itemName = {
  task: (id: string) => `task ${id}`,
  tombstone: (id: string) => `tombstone of task ${id}`,
  launch: (taskId: string) => `launch of task ${taskId}`,
  run: (taskId: string) => `run of task ${taskId}`,
  object: (taskId: string, collectionId: string) => `object ${collectionId} of task ${taskId}`,
  database: (taskId: string, name: string) => `database ${name} of task ${taskId}`,
  scope: () => 'scope of a target',
} as const;
