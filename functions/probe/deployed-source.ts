import { DescribeTaskDefinitionCommand, type ECSClient, type Secret } from '@aws-sdk/client-ecs';
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { type Environment, wrongVariables } from '#shared/environment.ts';
import { REPLICATOR_ENV, REPLICATOR_SECRETS } from '#shared/names.ts';
import { parseSecretReference } from '#shared/secrets/secret-references.ts';
import { pick } from '#shared/secrets/secrets-manager-references.ts';
import type { KafkaSourceConfig } from '#shared/task/source.ts';
import { sourceEnvironment } from '#shared/task/source-environment.ts';
import { SourceProbeError } from './source-probe.ts';

export interface DeployedSourceOptions {
  readonly ecs: ECSClient;
  readonly secrets: SecretsManagerClient;
  /** ARN with its revision: what it names never changes. */
  readonly taskDefinition: string;
}

interface Container {
  readonly environment: Environment;
  readonly secrets: readonly Secret[];
}

const OF_THE_SOURCE: readonly string[] = [
  REPLICATOR_SECRETS.etcdLogin,
  REPLICATOR_SECRETS.etcdKey,
  REPLICATOR_SECRETS.kafkaLogin,
  REPLICATOR_SECRETS.kafkaKey,
];

/** The source's settings as the replicators of a stack will find them in their environment: the task definition that
 *  they are started from is the one place that has them. */
export class DeployedSource {
  readonly #options: DeployedSourceOptions;
  #container: Container | undefined;

  constructor(options: DeployedSourceOptions) {
    this.#options = options;
  }

  /** Secrets are read each time, since they may be changed. Fails with {@link SourceProbeError}. */
  async read(): Promise<KafkaSourceConfig> {
    this.#container ??= await this.#describe();
    const { environment, secrets } = this.#container;
    const values = await Promise.all(
      secrets
        .filter(({ name = '' }) => OF_THE_SOURCE.includes(name))
        .map(async (secret) => [secret.name, await this.#value(secret)] as const),
    );
    const parsed = sourceEnvironment.safeParse({ ...environment, ...Object.fromEntries(values) });
    if (parsed.success) return parsed.data;
    throw new SourceProbeError(`the source's settings are wrong: ${wrongVariables(parsed.error)}`);
  }

  async #describe(): Promise<Container> {
    const { ecs, taskDefinition } = this.#options;
    const command = new DescribeTaskDefinitionCommand({ taskDefinition });
    const answer = await asked(`the task definition ${taskDefinition}`, () => ecs.send(command));
    for (const { environment = [], secrets = [] } of answer.taskDefinition?.containerDefinitions ?? []) {
      const variables = Object.fromEntries(environment.map(({ name = '', value }) => [name, value]));
      if (variables[REPLICATOR_ENV.source] !== undefined) return { environment: variables, secrets };
    }
    throw new SourceProbeError(
      `the task definition ${taskDefinition} has no ${REPLICATOR_ENV.source}: deploy the stack again`,
    );
  }

  async #value({ name = '', valueFrom = '' }: Secret): Promise<string> {
    const part = parseSecretReference(valueFrom);
    if (part === undefined) throw new SourceProbeError(`${name} is not a secret of Secrets Manager`);
    const { arn, versionStage, versionId, jsonKey } = part;
    return asked(`the secret behind ${name}`, async () => {
      const { SecretString = '' } = await this.#options.secrets.send(
        new GetSecretValueCommand({ SecretId: arn, VersionStage: versionStage, VersionId: versionId }),
      );
      return pick(SecretString, jsonKey);
    });
  }
}

async function asked<T>(what: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new SourceProbeError(`${what} cannot be read: ${why}`, { cause: error });
  }
}
