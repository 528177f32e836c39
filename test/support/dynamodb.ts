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
