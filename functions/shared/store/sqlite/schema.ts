/** How the file came to be what it is: one step per schema version, each run once and in order. A step that was
 *  released is never changed; what is new is a further step. `PRAGMA user_version` counts the steps done.
 *  Columns hold what conditions and lookups need; everything else of an item is in `body`, as JSON. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE tasks (
    id TEXT PRIMARY KEY, incarnation TEXT NOT NULL, desired TEXT NOT NULL, revision INTEGER NOT NULL,
    reason TEXT NOT NULL, body TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE tombstones (
    id TEXT NOT NULL, incarnation TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (id, incarnation)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE scopes (
    target TEXT PRIMARY KEY, revision INTEGER NOT NULL, task_ids TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE launches (
    task_id TEXT PRIMARY KEY, incarnation TEXT NOT NULL, generation INTEGER NOT NULL, body TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE runs (
    task_id TEXT PRIMARY KEY, version INTEGER NOT NULL, incarnation TEXT NOT NULL, generation INTEGER NOT NULL,
    owner TEXT NOT NULL, epoch INTEGER NOT NULL, beat INTEGER NOT NULL, released TEXT NOT NULL,
    channels BLOB NOT NULL, body TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE objects (
    task_id TEXT NOT NULL, incarnation TEXT NOT NULL, collection_id TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (task_id, incarnation, collection_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE secrets (ref TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  'CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;',
  `
  CREATE TABLE databases (
    task_id TEXT NOT NULL, incarnation TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (task_id, incarnation, name)
  ) STRICT, WITHOUT ROWID;
  `,
];
