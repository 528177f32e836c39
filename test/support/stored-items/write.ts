import { deepStrictEqual } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { createDynamoClient } from '#shared/store/dynamodb/client.ts';
import { DynamoTaskStore } from '#shared/store/dynamodb/dynamo-task-store.ts';
import { SqliteTaskStore } from '#shared/store/sqlite/sqlite-task-store.ts';
import { ITEM_VERSION } from '#shared/task/task.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import { createTaskTable, startDynamodb } from '../dynamodb.ts';
import { type StoredItems, writeStoredItems } from './files.ts';
import { type Contents, readStory, STORY_TIME, tellStory } from './story.ts';

// Keeps what this release writes, for the tests of later ones. Run once when a release is made:
//
//   node test/support/stored-items/write.ts && npm run format

const now = () => STORY_TIME;

async function fromSqlite(): Promise<{ items: StoredItems['sqlite']; contents: Contents }> {
  const folder = mkdtempSync(join(tmpdir(), 'cdc-items-'));
  try {
    const file = join(folder, 'state.db');
    const store = new SqliteTaskStore({ file, now });
    await tellStory(store);
    const contents = await readStory(store);
    await store.close();
    const db = new DatabaseSync(file);
    const tables = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
    const rowsOf = (table: unknown) => db.prepare(`SELECT * FROM ${String(table)}`).all();
    const items = {
      userVersion: Number(db.prepare('PRAGMA user_version').get()?.['user_version']),
      schema: tables.map((table) => String(table['sql'])),
      rows: Object.fromEntries(tables.map(({ name }) => [String(name), rowsOf(name)])),
    } as StoredItems['sqlite'];
    db.close();
    return { items, contents };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function fromDynamodb(): Promise<{ items: StoredItems['dynamodb']; contents: Contents }> {
  await using dynamodb = await startDynamodb();
  const client = createDynamoClient(dynamodb.clientConfig);
  const table = await createTaskTable(dynamodb);
  const store = new DynamoTaskStore({ client, table, now });
  await tellStory(store);
  const contents = await readStory(store);
  const { Items: items = [] } = await client.send(new ScanCommand({ TableName: table }));
  await store.close();
  const key = (item: (typeof items)[number]) => `${item['pk']?.S} ${item['sk']?.S}`;
  return { items: items.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)), contents };
}

const sqlite = await fromSqlite();
const dynamodb = await fromDynamodb();
// A member that is undefined and one that is not there are the same.
const asJson = (contents: Contents): unknown => JSON.parse(JSON.stringify(contents));
deepStrictEqual(asJson(dynamodb.contents), asJson(sqlite.contents), 'the stores tell different stories');
writeStoredItems({
  release: packageJson.version,
  itemVersion: ITEM_VERSION,
  sqlite: sqlite.items,
  dynamodb: dynamodb.items,
  contents: sqlite.contents,
});
