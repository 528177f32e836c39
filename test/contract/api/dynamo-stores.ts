import { randomUUID } from 'node:crypto';
import { CreateTableCommand, type DynamoDBClient, ResourceInUseException } from '@aws-sdk/client-dynamodb';
import { createDynamoClient } from '#shared/store/dynamodb/client.ts';
import { DynamoTaskStore } from '#shared/store/dynamodb/dynamo-task-store.ts';
import { TABLE_DEFINITION } from '#shared/store/dynamodb/table.ts';
import type { Dynamodb } from '../../support/dynamodb.ts';
import { MemorySecretStore } from '../../support/fakes/memory-secret-store.ts';
import type { MakeStores } from './world.ts';

/** Each world has a table of its own. */
export function dynamoStores(dynamodb: () => Dynamodb): MakeStores {
  return async (now) => {
    const { clientConfig } = dynamodb();
    const client = createDynamoClient(clientConfig);
    const table = `api-${randomUUID()}`;
    await createTable(client, table);
    const tasks = new DynamoTaskStore({ client, table, now });
    return { tasks, secrets: new MemorySecretStore(), close: () => tasks.close() };
  };
}

async function createTable(client: DynamoDBClient, table: string): Promise<void> {
  try {
    await client.send(
      new CreateTableCommand({
        TableName: table,
        BillingMode: TABLE_DEFINITION.BillingMode,
        KeySchema: [...TABLE_DEFINITION.KeySchema],
        AttributeDefinitions: [...TABLE_DEFINITION.AttributeDefinitions],
      }),
    );
  } catch (error) {
    // The name is random: on a slow machine the SDK sends again what was executed already.
    if (!(error instanceof ResourceInUseException)) throw error;
  }
}
