import { createDynamoClient } from '#shared/store/dynamodb/client.ts';
import { DynamoTaskStore } from '#shared/store/dynamodb/dynamo-task-store.ts';
import { createTaskTable, type Dynamodb } from '../../support/dynamodb.ts';
import { MemorySecretStore } from '../../support/fakes/memory-secret-store.ts';
import type { MakeStores } from './world.ts';

/** Each world has a table of its own. */
export function dynamoStores(dynamodb: () => Dynamodb): MakeStores {
  return async (now) => {
    const client = createDynamoClient(dynamodb().clientConfig);
    const table = await createTaskTable(dynamodb());
    const tasks = new DynamoTaskStore({ client, table, now });
    return { tasks, secrets: new MemorySecretStore(), close: () => tasks.close() };
  };
}
