import type { ExportedTask } from './task-file.ts';

/** The tasks in an order in which they can be created: what one leaves to another is taken first. Where tasks leave
 *  things to each other (it happens after one was deleted and made again) the one with fewer wildcards goes first. Pure. */
export function importOrder(tasks: readonly ExportedTask[]): ExportedTask[] {
  const waiting = tasks.toSorted((a, b) => wildcards(a) - wildcards(b) || compare(idOf(a), idOf(b)));
  const ordered: ExportedTask[] = [];
  while (waiting.length > 0) {
    const ids = new Set(waiting.map(idOf));
    const free = waiting.findIndex((task) => !task.after.some((id) => id !== idOf(task) && ids.has(id)));
    ordered.push(...waiting.splice(Math.max(0, free), 1));
  }
  return ordered;
}

function idOf({ create }: ExportedTask): string {
  return create.task_id;
}

function wildcards({ create }: ExportedTask): number {
  const { collection_infos: plain, db_collections: databases } = create;
  return JSON.stringify([plain, databases]).split('"*"').length;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : 1;
}
