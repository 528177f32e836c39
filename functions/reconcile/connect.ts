import type { Fleet } from '#shared/fleet/fleet.ts';
import { createLogger } from '#shared/log.ts';
import type { SecretStore } from '#shared/secrets/secret-store.ts';
import { createDynamoClient } from '#shared/store/dynamodb/client.ts';
import { DynamoTaskStore } from '#shared/store/dynamodb/dynamo-task-store.ts';
import type { ReconcileConfig } from './config.ts';
import type { ReconcilerDeps } from './reconciler.ts';

/** What a reconciler on AWS works with. Fleet and secrets are given by whoever composes the Lambda. */
export function connect(
  config: ReconcileConfig,
  ports: { readonly fleet: Fleet; readonly secrets: Pick<SecretStore, 'delete'> },
): ReconcilerDeps {
  return {
    tasks: new DynamoTaskStore({ client: createDynamoClient(), table: config.table }),
    fleet: ports.fleet,
    secrets: ports.secrets,
    log: createLogger(config.logLevel, { part: 'reconcile' }),
    now: Date.now,
  };
}
