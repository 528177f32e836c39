import type { z } from 'zod';
import { databaseSchema, objectSchema, type TaskDatabase, type TaskObject } from '../../task/run.ts';
import { type Launch, launchSchema, type Task, taskSchema } from '../../task/task.ts';
import { itemName, parseItem, parseJson } from '../parse-item.ts';
import { databasePrefix, key, objectPrefix } from './keys.ts';
import type { Item } from './statements.ts';

/** All items but the run: what conditions need are attributes of their own, everything is in `body` as JSON (a request
 *  may hold any number and any member name, and DynamoDB's types do not). Where an attribute and the body tell the same,
 *  the attribute is right: a change of the desired state rewrites no body. */

export function taskItem(task: Task): Item {
  const { id, incarnation, desired, reason, revision } = task;
  return { ...key.task(id), incarnation, desired, reason, revision, body: JSON.stringify(task) };
}

export function taskOf(item: Item): Task {
  const name = itemName.task(String(item['sk']));
  const { desired, reason, revision } = item;
  const body = bodyOf(item, name);
  return parseItem(
    taskSchema,
    typeof body === 'object' ? { ...body, desired, reason, revision } : body,
    name,
  );
}

export function tombstoneItem(task: Task): Item {
  const { id, incarnation } = task;
  return { ...key.tombstone(incarnation), id, incarnation, body: JSON.stringify(task) };
}

export function tombstoneOf(item: Item): Task {
  return whole(taskSchema, item, itemName.tombstone(String(item['id'])));
}

export function launchItem(launch: Launch): Item {
  const { taskId, incarnation, generation } = launch;
  return { ...key.launch(taskId), incarnation, generation, body: JSON.stringify(launch) };
}

export function launchOf(taskId: string, item: Item): Launch {
  return whole(launchSchema, item, itemName.launch(taskId));
}

export function objectItem(object: TaskObject): Item {
  const { taskId, incarnation, collectionId } = object;
  return { ...key.object(taskId, incarnation, collectionId), body: JSON.stringify(object) };
}

export function objectOf(task: Pick<Task, 'id' | 'incarnation'>, item: Item): TaskObject {
  const collectionId = String(item['sk']).slice(objectPrefix(task.incarnation).length);
  return whole(objectSchema, item, itemName.object(task.id, collectionId));
}

export function databaseItem(database: TaskDatabase): Item {
  const { taskId, incarnation, name } = database;
  return { ...key.database(taskId, incarnation, name), body: JSON.stringify(database) };
}

export function databaseOf(task: Pick<Task, 'id' | 'incarnation'>, item: Item): TaskDatabase {
  const name = String(item['sk']).slice(databasePrefix(task.incarnation).length);
  return whole(databaseSchema, item, itemName.database(task.id, name));
}

function whole<T extends object>(schema: z.ZodType<T>, item: Item, name: string): T {
  return parseItem(schema, bodyOf(item, name), name);
}

function bodyOf(item: Item, name: string): unknown {
  return parseJson(String(item['body']), name);
}
