import { createHash } from 'node:crypto';
import type { TABLE_KEYS } from './table.ts';

/** Identifies one item. */
export type Key = Readonly<Record<(typeof TABLE_KEYS)[keyof typeof TABLE_KEYS], string>>;

export const TASKS = 'TASKS';
export const TOMBSTONES = 'TOMBSTONES';

export const key = {
  task: (id: string): Key => ({ pk: TASKS, sk: id }),
  tombstone: (incarnation: string): Key => ({ pk: TOMBSTONES, sk: incarnation }),
  logLevel: (): Key => ({ pk: 'SETTINGS', sk: 'LOG_LEVEL' }),
  counter: (): Key => ({ pk: 'COUNTER', sk: TASKS }),
  /** Hashed, because an address can be longer than a key may be. */
  scope: (targetIdentity: string): Key => ({
    pk: `TARGET#${createHash('sha256').update(targetIdentity).digest('hex')}`,
    sk: 'SCOPE',
  }),
  launch: (taskId: string): Key => ({ pk: ofTask(taskId), sk: 'LAUNCH' }),
  run: (taskId: string): Key => ({ pk: ofTask(taskId), sk: 'RUN' }),
  object: (taskId: string, incarnation: string, collectionId: string): Key => ({
    pk: ofTask(taskId),
    sk: objectPrefix(incarnation) + collectionId,
  }),
  database: (taskId: string, incarnation: string, name: string): Key => ({
    pk: ofTask(taskId),
    sk: databasePrefix(incarnation) + name,
  }),
} as const;

export function ofTask(taskId: string): string {
  return `TASK#${taskId}`;
}

export function objectPrefix(incarnation: string): string {
  return `OBJECT#${incarnation}#`;
}

export function databasePrefix(incarnation: string): string {
  return `DATABASE#${incarnation}#`;
}
