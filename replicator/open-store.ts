import type { TargetSecret } from '#shared/secrets/secret-store.ts';
import type { TaskStore } from '#shared/store/task-store.ts';
import type { Task } from '#shared/task/task.ts';
import type { StoreLocation } from './config.ts';

export interface OpenStore {
  readonly tasks: TaskStore;
  /** The credentials of a task's target; undefined when it needs none. */
  readonly secretOf: (task: Task) => Promise<TargetSecret | undefined>;
  close(): Promise<void>;
}

/** Opens the state of tasks, on AWS or on one machine, and knows where a target's credentials are there. Loads only what
 *  is needed there: the SDK of AWS makes a start noticeably longer. */
export async function openStore(location: StoreLocation): Promise<OpenStore> {
  return location.kind === 'aws' ? openTable(location) : openFile(location.database);
}

async function openTable({
  table,
  targetSecret,
}: Extract<StoreLocation, { kind: 'aws' }>): Promise<OpenStore> {
  const { createDynamoClient } = await import('#shared/store/dynamodb/client.ts');
  const { DynamoTaskStore } = await import('#shared/store/dynamodb/dynamo-task-store.ts');
  const tasks = new DynamoTaskStore({ client: createDynamoClient(), table });
  return { tasks, secretOf: async () => targetSecret, close: () => tasks.close() };
}

async function openFile(file: string): Promise<OpenStore> {
  const { SqliteSecretStore } = await import('#shared/secrets/sqlite-secret-store.ts');
  const { SqliteTaskStore } = await import('#shared/store/sqlite/sqlite-task-store.ts');
  const tasks = new SqliteTaskStore({ file });
  const secrets = new SqliteSecretStore({ file });
  return {
    tasks,
    secretOf: async ({ secretRef }) => (secretRef === undefined ? undefined : secrets.get(secretRef)),
    async close() {
      await secrets.close();
      await tasks.close();
    },
  };
}
