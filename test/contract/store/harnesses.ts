import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { createDynamoClient } from '#shared/store/dynamodb/client.ts';
import { DynamoTaskStore } from '#shared/store/dynamodb/dynamo-task-store.ts';
import { key } from '#shared/store/dynamodb/keys.ts';
import { SqliteTaskStore } from '#shared/store/sqlite/sqlite-task-store.ts';
import { ITEM_VERSION } from '#shared/task/task.ts';
import { createTaskTable, type Dynamodb } from '../../support/dynamodb.ts';
import type { StoredItems } from '../../support/stored-items/files.ts';
import { loadDynamodb, loadSqlite } from '../../support/stored-items/load.ts';
import { ADDED, type StoredItem, type TaskStoreHarness } from '../kits/task-store.ts';

/** The version of a release after this one. */
export const NEWER = ITEM_VERSION + 1;

/** A new SQLite file; with `items`, one that an earlier release left. */
export async function sqliteHarness(items?: StoredItems): Promise<TaskStoreHarness> {
  const folder = mkdtempSync(join(tmpdir(), 'cdc-store-'));
  const file = join(folder, 'data', 'state.db');
  if (items !== undefined) loadSqlite(file, items);
  const store = new SqliteTaskStore({ file });
  const other = new SqliteTaskStore({ file });
  return {
    store,
    other,
    async spoil({ kind, task }, how) {
      const db = new DatabaseSync(file);
      const column = kind === 'task' || kind === 'tombstone' ? 'id' : 'task_id';
      const where = `${column} = ? AND incarnation = ?`;
      const newer = kind === 'run' ? `version = ${NEWER}` : `body = json_set(body, '$.version', ${NEWER})`;
      const change = {
        newer,
        corrupt: `body = '{"version":1}'`,
        extended: `body = json_set(body, '$.${ADDED.name}', '${ADDED.value}')`,
      }[how];
      db.prepare(`UPDATE ${TABLES[kind]} SET ${change} WHERE ${where}`).run(task.id, task.incarnation);
      db.close();
    },
    async close() {
      await store.close();
      await other.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** A new table; with `items`, one that an earlier release left. */
export async function dynamoHarness(dynamodb: Dynamodb, items?: StoredItems): Promise<TaskStoreHarness> {
  const client = createDynamoClient(dynamodb.clientConfig);
  const table = await createTaskTable(dynamodb);
  if (items !== undefined) await loadDynamodb(client, table, items);
  const store = new DynamoTaskStore({ client: createDynamoClient(dynamodb.clientConfig), table });
  const other = new DynamoTaskStore({ client: createDynamoClient(dynamodb.clientConfig), table });
  return {
    store,
    other,
    async spoil(item, how) {
      const Key = marshall(keyOf(item));
      const { id, incarnation } = item.task;
      if (how === 'corrupt') {
        const body = '{"version":1}';
        const spoiled = marshall({ ...keyOf(item), id, incarnation, i: incarnation, v: 1, body });
        await client.send(new PutItemCommand({ TableName: table, Item: spoiled }));
        return;
      }
      const isRun = item.kind === 'run';
      const stored = await client.send(new GetItemCommand({ TableName: table, Key }));
      const body = unmarshall(stored.Item ?? {})['body'] as string;
      const change = {
        newer: isRun
          ? { name: 'v', value: NEWER }
          : { name: 'body', value: JSON.stringify({ ...JSON.parse(body), version: NEWER }) },
        extended: isRun
          ? ADDED
          : { name: 'body', value: JSON.stringify({ ...JSON.parse(body), [ADDED.name]: ADDED.value }) },
      }[how];
      await client.send(
        new UpdateItemCommand({
          TableName: table,
          Key,
          UpdateExpression: 'SET #n = :v',
          ExpressionAttributeNames: { '#n': change.name },
          ExpressionAttributeValues: marshall({ ':v': change.value }),
        }),
      );
    },
    async close() {
      await store.close();
      await other.close();
      client.destroy();
    },
  };
}

const TABLES = {
  task: 'tasks',
  launch: 'launches',
  run: 'runs',
  tombstone: 'tombstones',
  object: 'objects',
  database: 'databases',
};

function keyOf(item: StoredItem) {
  const { id, incarnation } = item.task;
  switch (item.kind) {
    case 'task':
      return key.task(id);
    case 'launch':
      return key.launch(id);
    case 'run':
      return key.run(id);
    case 'tombstone':
      return key.tombstone(incarnation);
    case 'object':
      return key.object(id, incarnation, item.collectionId);
    case 'database':
      return key.database(id, incarnation, item.name);
  }
}
