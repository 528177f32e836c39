import { randomUUID } from 'node:crypto';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
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
    await client.send(
      new CreateTableCommand({
        TableName: table,
        BillingMode: TABLE_DEFINITION.BillingMode,
        KeySchema: [...TABLE_DEFINITION.KeySchema],
        AttributeDefinitions: [...TABLE_DEFINITION.AttributeDefinitions],
      }),
    );
    const tasks = new DynamoTaskStore({ client, table, now });
    return { tasks, secrets: new MemorySecretStore(), close: () => tasks.close() };
  };
}
