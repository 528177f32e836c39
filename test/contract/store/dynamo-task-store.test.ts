import { randomUUID } from 'node:crypto';
import { CreateTableCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll } from 'vitest';
import { createDynamoClient } from '#shared/store/dynamodb/client.ts';
import { DynamoTaskStore } from '#shared/store/dynamodb/dynamo-task-store.ts';
import { key } from '#shared/store/dynamodb/keys.ts';
import { TABLE_DEFINITION } from '#shared/store/dynamodb/table.ts';
import { type Dynamodb, startDynamodb } from '../../support/dynamodb.ts';
import { describeTaskStore, type StoredItem } from '../kits/task-store.ts';

let dynamodb: Dynamodb;
beforeAll(async () => {
  dynamodb = await startDynamodb();
});
afterAll(() => dynamodb?.stop());

describeTaskStore('DynamoTaskStore', async () => {
  const client = createDynamoClient(dynamodb.clientConfig);
  const table = `tasks-${randomUUID()}`;
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: TABLE_DEFINITION.BillingMode,
      KeySchema: [...TABLE_DEFINITION.KeySchema],
      AttributeDefinitions: [...TABLE_DEFINITION.AttributeDefinitions],
    }),
  );
  const store = new DynamoTaskStore({ client: createDynamoClient(dynamodb.clientConfig), table });
  const other = new DynamoTaskStore({ client: createDynamoClient(dynamodb.clientConfig), table });
  return {
    store,
    other,
    async spoil(item, how) {
      const Key = marshall(keyOf(item));
      const { id, incarnation } = item.task;
      if (how === 'corrupt') {
        const spoiled = marshall({
          ...keyOf(item),
          id,
          incarnation,
          i: incarnation,
          v: 1,
          body: '{"version":1}',
        });
        await client.send(new PutItemCommand({ TableName: table, Item: spoiled }));
      } else {
        const newer =
          item.kind === 'run' ? { name: 'v', value: 99 } : { name: 'body', value: '{"version":99}' };
        await client.send(
          new UpdateItemCommand({
            TableName: table,
            Key,
            UpdateExpression: 'SET #n = :v',
            ExpressionAttributeNames: { '#n': newer.name },
            ExpressionAttributeValues: marshall({ ':v': newer.value }),
          }),
        );
      }
    },
    async close() {
      await store.close();
      await other.close();
      client.destroy();
    },
  };
});

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
  }
}
