import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contents } from './story.ts';

/** What one release's code left in both stores when it told the story (see `write.ts`), byte by byte. */
export interface StoredItems {
  readonly release: string;
  readonly itemVersion: number;
  readonly sqlite: {
    readonly userVersion: number;
    /** `CREATE` statements. */
    readonly schema: readonly string[];
    readonly rows: Readonly<Record<string, readonly Readonly<Record<string, SqlValue>>[]>>;
  };
  /** In the types of DynamoDB's own JSON. */
  readonly dynamodb: readonly Readonly<Record<string, unknown>>[];
  /** What that release read back, the same from both. */
  readonly contents: Contents;
}

type SqlValue = string | number | null | Uint8Array;

/** Files of all releases, by release. */
export function allStoredItems(): readonly StoredItems[] {
  return readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .map((name) => JSON.parse(readFileSync(fileOf(name), 'utf8'), revive) as StoredItems);
}

/** Fails when the release has its file: what was released stays as it is. */
export function writeStoredItems(items: StoredItems): void {
  const file = fileOf(`${items.release}.json`);
  writeFileSync(file, `${JSON.stringify(items, replace, 2)}\n`, { flag: 'wx' });
}

function fileOf(name: string): string {
  return join(import.meta.dirname, name);
}

/** Bytes as `{ base64 }`: JSON has none. */
function replace(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value;
}

function revive(_key: string, value: unknown): unknown {
  const isBytes = typeof value === 'object' && value !== null && Object.keys(value).join() === 'base64';
  return isBytes ? Uint8Array.from(Buffer.from((value as { base64: string }).base64, 'base64')) : value;
}
