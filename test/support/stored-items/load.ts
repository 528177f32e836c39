import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type AttributeValue, type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { StoredItems } from './files.ts';

/** Makes the SQLite file that the release left, its schema included; nothing may be there yet. */
export function loadSqlite(file: string, { sqlite }: StoredItems): void {
  mkdirSync(dirname(file), { recursive: true });
  const db = new DatabaseSync(file);
  for (const statement of sqlite.schema) db.exec(statement);
  for (const [table, rows] of Object.entries(sqlite.rows)) {
    for (const row of rows) {
      const columns = Object.keys(row);
      const marks = columns.map(() => '?').join(', ');
      const insert = db.prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${marks})`);
      insert.run(...Object.values(row));
    }
  }
  db.exec(`PRAGMA user_version = ${sqlite.userVersion}`);
  db.close();
}

/** Puts what the release left into an empty table. */
export async function loadDynamodb(
  client: DynamoDBClient,
  TableName: string,
  { dynamodb }: StoredItems,
): Promise<void> {
  for (const item of dynamodb) {
    await client.send(new PutItemCommand({ TableName, Item: item as Record<string, AttributeValue> }));
  }
}
