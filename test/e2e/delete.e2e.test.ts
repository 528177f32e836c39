import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, inject, test } from 'vitest';
import { findReplicators } from '../support/process-tree.ts';
import { waitUntil } from '../support/stack/wait-until.ts';
import { createTask, expectEqual, startProduct } from './harness.ts';
import { tableOf } from './tables.ts';

test('a deleted task leaves no process, no item and no claim on its collections', async () => {
  await using product = await startProduct({ stack: inject('stack'), name: 'delete' });
  const { cdc, server, prefix } = product;
  const table = tableOf(product, { name: 'rows' });
  await table.create();
  await table.insertNew(100);
  const scope = { task_id: `${prefix}_task`, collection_infos: [{ name: `${prefix}_rows` }] };
  const id = await createTask(product, scope);
  await expectEqual(product);
  expect(itemsNaming(server.dataDir, id)).not.toEqual([]);

  await cdc.delete(id);
  expect(findReplicators(server.pid, id)).toEqual([]);
  expect(await cdc.list()).toEqual([]);
  await expect(cdc.get(id)).rejects.toThrow(`not found: [${id}]`);
  const purged = async () => itemsNaming(server.dataDir, id).length === 0;
  await waitUntil(purged, { what: `nothing in the data directory names ${id}`, timeoutMs: 60_000 });

  // The target keeps what it has. The same id and scope may be used again, and rows do not double.
  expect(await createTask(product, scope)).toBe(id);
  await table.insertNew(50);
  await expectEqual(product);
});

/** Rows of the data directory's databases in which the text occurs. */
function itemsNaming(dataDir: string, text: string): readonly string[] {
  const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => /\.(db|sqlite3?)$/.test(file))
    .flatMap((file) => {
      const database = new DatabaseSync(join(dataDir, file), { readOnly: true });
      try {
        const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
        return tables.flatMap(({ name }) =>
          database
            .prepare(`SELECT * FROM "${String(name)}"`)
            .all()
            .map((row) => `${String(name)}: ${rowText(row)}`)
            .filter((row) => row.includes(text)),
        );
      } finally {
        database.close();
      }
    });
}

function rowText(row: Readonly<Record<string, unknown>>): string {
  const cells = Object.values(row);
  return cells
    .map((cell) => (cell instanceof Uint8Array ? Buffer.from(cell).toString('latin1') : String(cell)))
    .join(' ');
}
