import { type Run, type RunUpdate, runSchema } from '../../task/run.ts';
import { type Task, taskSchema } from '../../task/task.ts';
import { itemName, parseItem, parseJson } from '../parse-item.ts';
import type { Row } from './sqlite-file.ts';

/** The columns decide, the body holds the rest: a change of the desired state rewrites no body. */
export function taskOf(row: Row): Task {
  const name = itemName.task(String(row['id']));
  const { desired, revision, reason } = row;
  return parseItem(taskSchema, { ...object(row, name), desired, revision, reason }, name);
}

export function runOf(row: Row): Run {
  const name = itemName.run(String(row['task_id']));
  const { body: _body, task_id: taskId, ...columns } = row;
  return parseItem(runSchema, { ...object(row, name), ...columns, taskId }, name);
}

/** What a job tells with each renewal, but for the positions: they are a column of their own. */
export function accountOf(update: RunUpdate): string {
  const { leaseExpiresAt, phase, phaseSince, reason, watermark, counters, warnings } = update;
  const { advancedAt, quarantined, lastError, scopeRevision } = update;
  const account = { leaseExpiresAt, phase, phaseSince, reason, watermark, advancedAt, quarantined };
  return JSON.stringify({ ...account, counters, warnings, lastError, scopeRevision });
}

/** The body of an item that is kept whole. */
export function bodyOf(row: Row, name: string): unknown {
  return parseJson(String(row['body']), name);
}

function object(row: Row, name: string): object {
  const body = bodyOf(row, name);
  return typeof body === 'object' && body !== null ? body : {};
}
