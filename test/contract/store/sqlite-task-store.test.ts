import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SqliteTaskStore } from '#shared/store/sqlite/sqlite-task-store.ts';
import { describeTaskStore } from '../kits/task-store.ts';

const TABLES = { task: 'tasks', launch: 'launches', run: 'runs', tombstone: 'tombstones', object: 'objects' };

describeTaskStore('SqliteTaskStore', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cdc-store-'));
  const file = join(folder, 'data', 'state.db');
  const store = new SqliteTaskStore({ file });
  const other = new SqliteTaskStore({ file });
  return {
    store,
    other,
    async spoil({ kind, task }, how) {
      const db = new DatabaseSync(file);
      const column = kind === 'task' || kind === 'tombstone' ? 'id' : 'task_id';
      const where = `${column} = ? AND incarnation = ?`;
      const change =
        how === 'corrupt'
          ? `body = '{"version":1}'`
          : kind === 'run'
            ? 'version = 99'
            : `body = json_set(body, '$.version', 99)`;
      db.prepare(`UPDATE ${TABLES[kind]} SET ${change} WHERE ${where}`).run(task.id, task.incarnation);
      db.close();
    },
    async close() {
      await store.close();
      await other.close();
      rmSync(folder, { recursive: true });
    },
  };
});
