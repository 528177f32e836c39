import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What lies where below the data directory. */
export interface DataFolder {
  readonly database: string;
  readonly logs: string;
}

/** Others than the owner, in a mode. */
const OTHERS = 0o077;

/** Makes the data directory, its owner's only, when it is not there. One that is there keeps its mode: it may serve
 *  others too, and every file in it that matters is made readable by its owner only. Answers whether it is open to
 *  others. */
export function prepareDataFolder(path: string): DataFolder & { readonly openToOthers: boolean } {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return {
    database: join(path, 'tasks.sqlite'),
    logs: join(path, 'logs'),
    openToOthers: (statSync(path).mode & OTHERS) !== 0,
  };
}
