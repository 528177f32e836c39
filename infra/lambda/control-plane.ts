import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { MiddlewareObj } from '@middy/core';
import { createEcsClients } from '#shared/fleet/ecs/ecs-client.ts';
import { EcsFleet, type EcsFleetOptions } from '#shared/fleet/ecs/ecs-fleet.ts';
import { createPowertools, lambdaContext, lambdaLogger } from '#shared/lambda-logger.ts';
import type { Logger } from '#shared/logger.ts';
import { createSecretsManagerClient } from '#shared/secrets/secrets-manager.ts';
import { SecretsManagerReferences } from '#shared/secrets/secrets-manager-references.ts';
import { SecretsManagerStore } from '#shared/secrets/secrets-manager-store.ts';
import { createDynamoClient } from '#shared/store/dynamodb/client.ts';
import { DynamoTaskStore } from '#shared/store/dynamodb/dynamo-task-store.ts';
import { DeployedSource } from '../../functions/probe/deployed-source.ts';
import { createLambdaClient, LambdaProbe } from '../../functions/probe/lambda-probe.ts';
import { LambdaSourceProbe } from '../../functions/probe/lambda-source-probe.ts';
import { LambdaTargetProbe } from '../../functions/probe/lambda-target-probe.ts';
import { RoutedTargetProbe } from '../../functions/probe/routed-target-probe.ts';
import type { TargetProbe } from '../../functions/probe/target-probe.ts';
import { type ControlPlaneConfig, readControlPlaneConfig } from './config.ts';
import { followLogLevel } from './follow-log-level.ts';

/** What the Lambdas of the control plane work with. */
export interface ControlPlane {
  readonly config: ControlPlaneConfig;
  readonly log: Logger;
  readonly tasks: DynamoTaskStore;
  readonly secrets: SecretsManagerStore;
  readonly secretReferences: SecretsManagerReferences;
  readonly fleetOptions: EcsFleetOptions;
  readonly fleet: EcsFleet;
  readonly targetProbe: TargetProbe;
  readonly sourceProbe: LambdaSourceProbe;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly middleware: readonly MiddlewareObj[];
}

/** Puts it together from the environment, once per cold start. Fails with `EnvironmentError`. */
export function connectControlPlane(part: string): ControlPlane {
  const config = readControlPlaneConfig();
  const { stack, table, fleet } = config;
  const now = Date.now;
  const powertools = createPowertools(part);
  const log = lambdaLogger(powertools, config.logLevel);
  const tasks = new DynamoTaskStore({ client: createDynamoClient(), table });
  const secretsManager = createSecretsManagerClient();
  const clients = createEcsClients();
  const fleetOptions = { ...fleet, clients, stack };
  const lambda = createLambdaClient();
  const probe = new LambdaProbe({ client: lambda, functionName: config.probeFunction });
  const source = new DeployedSource({
    ecs: clients.patient,
    secrets: secretsManager,
    taskDefinition: fleet.baseTaskDefinition,
  });
  return {
    config,
    log,
    tasks,
    secrets: new SecretsManagerStore({ client: secretsManager, stack }),
    secretReferences: new SecretsManagerReferences({ client: secretsManager, stack }),
    fleetOptions,
    fleet: new EcsFleet(fleetOptions),
    targetProbe: targetProbeOf(lambda, probe, config),
    sourceProbe: new LambdaSourceProbe(probe, () => source.read()),
    now,
    middleware: [lambdaContext(powertools), followLogLevel({ tasks, log, now })],
  };
}

function targetProbeOf(
  client: LambdaClient,
  probe: LambdaProbe,
  { outsideProbeFunction: functionName }: ControlPlaneConfig,
): TargetProbe {
  const inside = new LambdaTargetProbe(probe);
  if (functionName === undefined) return inside;
  return new RoutedTargetProbe({
    inside,
    outside: new LambdaTargetProbe(new LambdaProbe({ client, functionName })),
  });
}
