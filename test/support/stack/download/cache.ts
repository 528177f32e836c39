import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { withLock } from './lock.ts';
import { progress } from './tools.ts';

/** A server that is fetched once and kept. */
export interface Artifact {
  /** With its version: names the folder in the cache. */
  readonly name: string;
  /** Fills the folder. Called again on the same folder after an interruption, so it keeps what is already there. */
  readonly make: (folder: string) => Promise<void>;
}

/** Written last: the sizes of all files, so that a folder that lost some is not taken for whole. */
const MARKER = 'complete.json';

/** `MILVUS_CDC_CACHE`, else `.cache/stack` in the repository. */
export function cacheFolder(): string {
  const chosen = process.env['MILVUS_CDC_CACHE'];
  return resolve(
    chosen !== undefined && chosen !== '' ? chosen : join(import.meta.dirname, '../../../../.cache/stack'),
  );
}

/** The folder of the artifact, fetched first if the cache does not hold it whole. Several processes may ask at once. */
export async function fetched(artifact: Artifact, cache = cacheFolder()): Promise<string> {
  const folder = join(cache, artifact.name);
  if (isComplete(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  return withLock(join(cache, `${artifact.name}.lock`), async () => {
    if (isComplete(folder)) return folder;
    progress(`fetching ${artifact.name} into ${cache} (once)`);
    const started = performance.now();
    const partial = `${folder}.partial`;
    mkdirSync(partial, { recursive: true });
    await artifact.make(partial);
    writeFileSync(join(partial, MARKER), JSON.stringify(sizes(partial)));
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
    progress(`${artifact.name} is ready after ${((performance.now() - started) / 1_000).toFixed(1)} s`);
    return folder;
  });
}

function isComplete(folder: string): boolean {
  const marker = join(folder, MARKER);
  if (!existsSync(marker)) return false;
  const expected = JSON.parse(readFileSync(marker, 'utf8')) as Record<string, number>;
  const found = sizes(folder);
  return Object.entries(expected).every(([file, size]) => found[file] === size);
}

function sizes(folder: string): Record<string, number> {
  const result: Record<string, number> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && entry.name !== MARKER) result[path.slice(folder.length + 1)] = statSync(path).size;
  }
  return result;
}
