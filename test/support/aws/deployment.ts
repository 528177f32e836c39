import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DescribeTaskDefinitionCommand, ECSClient, type TaskDefinition } from '@aws-sdk/client-ecs';
import { GetFunctionConfigurationCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { CONTROL_PLANE_ENV, EMULATION_ENV, REPLICATOR_ENV } from '#shared/names.ts';
import { buildContainerImage } from '../container-image.ts';
import { runTool } from '../stack/download/tools.ts';
import { freePort } from '../stack/ports.ts';
import { RunFolder } from '../stack/run-folder.ts';
import type { StackAddresses } from '../stack/stack-addresses.ts';
import { type EcsDouble, startEcsDouble } from './ecs-double.ts';
import { type Ministack, startMinistack } from './ministack.ts';

export interface DeploymentOptions {
  readonly stack: StackAddresses;
  /** @default false: whoever calls may do everything */
  readonly enforceIam?: boolean | undefined;
}

/** The service as `cdk deploy` makes it, in an emulated account; its containers are processes of this machine. */
export interface Deployment extends AsyncDisposable {
  /** Of the API. */
  readonly url: string;
  readonly aws: Ministack;
  readonly ecs: EcsDouble;
  readonly secrets: SecretsManagerClient;
  /** False: what ECS tells is lost on the way to the reconciler. */
  delivers: boolean;
}

const ROOT = join(import.meta.dirname, '..', '..', '..');
const NAME = 'milvus-cdc-test';

/** Deploys the stack with the CDK's own command line. What AWS does and the emulation does not is done here: containers run
 *  (each in a folder that holds what the image does), and ECS's events reach the reconciler. */
export async function deploy({ stack, enforceIam = false }: DeploymentOptions): Promise<Deployment> {
  await using undo = new AsyncDisposableStack();
  const run = new RunFolder();
  undo.defer(() => run.remove());
  const image = await buildContainerImage(join(run.path, 'context'), join(run.path, 'root'));
  const containerEnv: Record<string, string> = {
    PATH: '/usr/bin:/bin',
    ...image.env,
    [EMULATION_ENV]: 'true',
  };
  const way = { delivers: true };
  const clients: { lambda?: LambdaClient; secrets?: SecretsManagerClient } = {};
  const ecs = undo.use(
    await startEcsDouble({
      command: image.command,
      cwd: image.workdir,
      env: containerEnv,
      secrets: (arn) => secretValue(clients.secrets, arn),
      // As EventBridge does: nobody waits for it, and the next minute makes good what fails.
      onEvent: (event) => {
        if (way.delivers) void invoke(clients.lambda, 'reconcile', event).catch(() => undefined);
      },
    }),
  );
  const env = { AWS_ENDPOINT_URL_ECS: ecs.endpoint, [EMULATION_ENV]: 'true' };
  const aws = undo.use(await startMinistack({ enforceIam, env }));
  Object.assign(containerEnv, aws.env);
  clients.lambda = new LambdaClient(aws.clientConfig);
  clients.secrets = new SecretsManagerClient(aws.clientConfig);
  const outputs = await cdkDeploy(run, aws, stack);
  ecs.adopt(await baseDefinition(aws, clients.lambda));
  const { secrets } = clients;
  const keep = undo.move();
  return Object.assign(way, {
    url: localUrl(aws, outputs['ApiUrl'] ?? ''),
    ...{ aws, ecs, secrets },
    [Symbol.asyncDispose]: () => keep.disposeAsync(),
  });
}

async function cdkDeploy(
  run: RunFolder,
  aws: Ministack,
  { source }: StackAddresses,
): Promise<Readonly<Record<string, string>>> {
  const settings = {
    stage: 'test',
    emulation: true,
    network: {
      vpcId: 'vpc-0123456789abcdef0',
      subnetIds: ['subnet-0aaaaaaaaaaaaaaaa', 'subnet-0bbbbbbbbbbbbbbbb'],
    },
    source: {
      etcd: { endpoints: [source.etcdEndpoint], rootPath: source.rootPath },
      kafka: { bootstrap: [source.kafkaAddress] },
      replicateChannel: source.replicateChannel,
    },
    // Nobody builds or pulls it: its files are on this machine already.
    replicatorImage: 'example.com/milvus-cdc:test',
  };
  const folder = join(run.path, 'cdk');
  await mkdir(folder, { recursive: true });
  const config = join(folder, 'settings.json');
  const outputs = join(folder, 'outputs.json');
  writeFileSync(config, JSON.stringify(settings));
  const cdk = (...args: readonly string[]) =>
    runTool({
      command: process.execPath,
      args: [join(ROOT, 'node_modules', 'aws-cdk', 'bin', 'cdk'), '--output', join(folder, 'out'), ...args],
      cwd: ROOT,
      env: { ...aws.env, HOME: folder, CDK_DISABLE_CLI_TELEMETRY: 'true' },
      show: false,
    });
  await cdk('bootstrap', `aws://${aws.accountId}/${aws.region}`, '-c', `config=${config}`);
  await cdk('deploy', '--require-approval=never', '--outputs-file', outputs, '-c', `config=${config}`);
  const written = JSON.parse(readFileSync(outputs, 'utf8')) as Record<string, Record<string, string>>;
  return written[NAME] ?? {};
}

/** The emulation has one address for all APIs. */
function localUrl({ endpoint }: Ministack, url: string): string {
  const { hostname, pathname } = new URL(url);
  return `${endpoint}/_aws/execute-api/${hostname.split('.')[0]}${pathname}`;
}

/** The task definition that CloudFormation has made, as the control plane is told of it. Where containers share a machine
 *  each needs a port of its own for its health check. */
async function baseDefinition(aws: Ministack, lambda: LambdaClient): Promise<TaskDefinition> {
  const { Environment: environment } = await lambda.send(
    new GetFunctionConfigurationCommand({ FunctionName: `${NAME}-cdc` }),
  );
  const fleet = JSON.parse(environment?.Variables?.[CONTROL_PLANE_ENV.fleet] ?? '{}') as {
    readonly baseTaskDefinition: string;
  };
  const { taskDefinition } = await new ECSClient(aws.clientConfig).send(
    new DescribeTaskDefinitionCommand({ taskDefinition: fleet.baseTaskDefinition }),
  );
  if (taskDefinition === undefined) throw new Error('the stack has no base task definition');
  const port = String(await freePort());
  return {
    ...taskDefinition,
    taskDefinitionArn: fleet.baseTaskDefinition,
    containerDefinitions: taskDefinition.containerDefinitions?.map((container) => ({
      ...container,
      environment: container.environment?.map((variable) =>
        variable.name === REPLICATOR_ENV.healthPort ? { ...variable, value: port } : variable,
      ),
    })),
  };
}

async function secretValue(client: SecretsManagerClient | undefined, arn: string): Promise<string> {
  const answer = await client?.send(new GetSecretValueCommand({ SecretId: arn }));
  if (answer?.SecretString === undefined) throw new Error(`no secret ${arn}`);
  return answer.SecretString;
}

async function invoke(client: LambdaClient | undefined, part: string, event: object): Promise<void> {
  const answer = await client?.send(
    new InvokeCommand({ FunctionName: `${NAME}-${part}`, Payload: Buffer.from(JSON.stringify(event)) }),
  );
  if (answer?.FunctionError !== undefined) {
    throw new Error(`${part} failed: ${Buffer.from(answer.Payload ?? []).toString()}`);
  }
}
