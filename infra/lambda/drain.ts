import { setTimeout as sleepFor } from 'node:timers/promises';
import { ECSClient } from '@aws-sdk/client-ecs';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import type { CloudFormationCustomResourceEvent, Context } from 'aws-lambda';
import { createSigner } from '#shared/aws/sigv4.ts';
import { TaskDefinitions } from '#shared/fleet/ecs/task-definitions.ts';
import { createLogger } from '#shared/log.ts';
import { createSecretsManagerClient } from '#shared/secrets/secrets-manager.ts';
import { SecretsManagerStore } from '#shared/secrets/secrets-manager-store.ts';
import { answerCloudFormation } from '../../functions/drain/answer-cloudformation.ts';
import { handleCustomResource } from '../../functions/drain/custom-resource.ts';
import { drainStack } from '../../functions/drain/drain.ts';
import { EcsReplicators } from '../../functions/drain/ecs-replicators.ts';
import { LambdaStarters } from '../../functions/drain/lambda-starters.ts';
import { leftSecrets, leftTaskDefinitions } from '../../functions/drain/leftovers.ts';
import { stackStatus } from '../../functions/drain/stack-status.ts';
import { readDrainConfig } from './config.ts';

// The Lambda `drain`: empties the stack when CloudFormation deletes it.

const { stack, cluster, starters, settleSeconds, logLevel, region, cloudFormation } = readDrainConfig();
const log = createLogger(logLevel, { part: 'drain' });
const sleep = (ms: number): Promise<void> => sleepFor(ms);
const clock = { monotonic: () => performance.now(), sleep };
const sign = createSigner({ service: 'cloudformation', region, credentials: defaultProvider() });

// Nobody waits for an answer within seconds, and ECS throttles whoever deregisters much.
const patient = { maxAttempts: 10, retryMode: 'adaptive' } as const;
const ecs = new ECSClient(patient);
const deps = {
  starters: new LambdaStarters(new LambdaClient(patient), starters),
  replicators: new EcsReplicators(ecs, cluster),
  leftovers: [
    leftSecrets(new SecretsManagerStore({ client: createSecretsManagerClient(), stack })),
    // Nothing is registered here, so there is nothing to copy.
    leftTaskDefinitions(new TaskDefinitions({ client: ecs, stack, base: '' })),
  ],
  clock,
  log,
  settleMs: settleSeconds * 1_000,
};

/** Left for what is under way when the time is over, and for the answer. */
const RESERVE_MS = 90_000;

export async function handler(event: CloudFormationCustomResourceEvent, context: Context): Promise<void> {
  await handleCustomResource(event, {
    stackStatus: (stackId) => stackStatus(stackId, { endpoint: cloudFormation, sign }, sleep),
    drain: () => drainStack(deps, context.getRemainingTimeInMillis() - RESERVE_MS),
    answer: (request, outcome) => answerCloudFormation(request, outcome, sleep),
    log,
  });
}
