import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What lies where below the data directory. */
export interface DataFolder {
  readonly database: string;
  readonly logs: string;
  /** Others than the owner may list it. */
  readonly openToOthers: boolean;
}

/** Others than the owner, in a mode. */
const OTHERS = 0o077;

/** Makes the data directory its owner's only, where it is not there or is empty. One that holds something keeps its mode:
 *  it may serve others too, and every file in it that matters is made readable by its owner only. */
export function prepareDataFolder(path: string): DataFolder {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (isOpen(path) && readdirSync(path).length === 0) chmodSync(path, 0o700);
  return { database: join(path, 'tasks.sqlite'), logs: join(path, 'logs'), openToOthers: isOpen(path) };
}

function isOpen(path: string): boolean {
  return (statSync(path).mode & OTHERS) !== 0;
}
