import { randomUUID } from 'node:crypto';
import { CreateTableCommand, ResourceInUseException } from '@aws-sdk/client-dynamodb';
import { createDynamoClient } from '#shared/store/dynamodb/client.ts';
import { TABLE_DEFINITION } from '#shared/store/dynamodb/table.ts';
import { type DynamodbLocal, startDynamodbLocal } from './stack/dynamodb-local.ts';
import { RunFolder } from './stack/run-folder.ts';

/** What an SDK client needs, as it stands: `new DynamoDBClient(dynamodb.clientConfig)`. */
export interface Dynamodb extends AsyncDisposable {
  readonly endpoint: string;
  readonly clientConfig: Pick<DynamodbLocal, 'endpoint' | 'region' | 'credentials'>;
  /** For tests in which the store goes away or does not answer; the tables do not survive a restart. */
  readonly server: DynamodbLocal;
  stop(): Promise<void>;
}

/** Starts an empty DynamoDB Local, for contract tests of the store; it ends with this process at the latest. */
export async function startDynamodb(): Promise<Dynamodb> {
  const run = new RunFolder();
  const stop = () => run.remove();
  try {
    const server = await startDynamodbLocal(run);
    const { endpoint, region, credentials } = server;
    return {
      endpoint,
      clientConfig: { endpoint, region, credentials },
      server,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Makes an empty task table and answers its name. */
export async function createTaskTable({ clientConfig }: Pick<Dynamodb, 'clientConfig'>): Promise<string> {
  const client = createDynamoClient(clientConfig);
  const { BillingMode, KeySchema, AttributeDefinitions } = TABLE_DEFINITION;
  const TableName = `tasks-${randomUUID()}`;
  try {
    await client.send(
      new CreateTableCommand({
        TableName,
        BillingMode,
        KeySchema: [...KeySchema],
        AttributeDefinitions: [...AttributeDefinitions],
      }),
    );
  } catch (error) {
    // The name is random: on a slow machine the SDK sends again what was executed already.
    if (!(error instanceof ResourceInUseException)) throw error;
  } finally {
    client.destroy();
  }
  return TableName;
}
