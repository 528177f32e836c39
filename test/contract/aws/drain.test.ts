import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateClusterCommand,
  DeregisterTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTaskDefinitionsCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
} from '@aws-sdk/client-ecs';
import { CreateFunctionCommand, GetFunctionConcurrencyCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  CreateSecretCommand,
  ListSecretsCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSigner } from '#shared/aws/sigv4.ts';
import { DRAIN_ENV, TAGS } from '#shared/names.ts';
import { EcsReplicators } from '../../../functions/drain/ecs-replicators.ts';
import { type Ministack, startMinistack } from '../../support/aws/ministack.ts';

const STACK = 'cdc';
const ENTRY = join(import.meta.dirname, '..', '..', '..', 'infra', 'lambda', 'drain.ts');
const INCARNATION = '0123456789abcdef'.repeat(2);
/** What the control plane registers for one life of a task and one release. */
const FAMILY = `${STACK}-${INCARNATION}-01234567`;

let folder: string;
let aws: Ministack;
let ecs: ECSClient;
let secrets: SecretsManagerClient;
let lambda: LambdaClient;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cdc-drain-'));
  aws = await startMinistack();
  ecs = new ECSClient(aws.clientConfig);
  secrets = new SecretsManagerClient(aws.clientConfig);
  lambda = new LambdaClient(aws.clientConfig);
});

afterAll(async () => {
  await aws?.stop();
  rmSync(folder, { recursive: true });
});

/** Asks CloudFormation; answers its XML. */
async function cloudFormation(parameters: Record<string, string>): Promise<string> {
  const request = {
    method: 'POST',
    url: new URL(aws.endpoint),
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: Buffer.from(
      new URLSearchParams({ Version: '2010-05-15', StackName: STACK, ...parameters }).toString(),
    ),
  };
  const credentials = async () => aws.clientConfig.credentials;
  const sign = createSigner({ service: 'cloudformation', region: aws.region, credentials });
  const response = await fetch(request.url, { ...request, headers: await sign(request) });
  return await response.text();
}

async function until(status: RegExp): Promise<void> {
  for (let i = 0; i < 240; i++) {
    const answer = await cloudFormation({ Action: 'DescribeStacks' });
    if (status.test(answer)) return;
    if (/FAILED|ROLLBACK/.test(answer)) throw new Error(answer);
    await sleep(250);
  }
  throw new Error(`the stack does not become ${status}`);
}

/** A stack that holds the drain, and maybe something else. */
function template(...resources: readonly string[]): string {
  const all = {
    Drain: { Type: 'Custom::MilvusCdcDrain', Properties: { ServiceToken: arnOf('drain') } },
    Other: { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'other' } },
  };
  return JSON.stringify({
    Resources: Object.fromEntries(Object.entries(all).filter(([name]) => resources.includes(name))),
  });
}

function arnOf(name: string): string {
  return `arn:aws:lambda:${aws.region}:${aws.accountId}:function:${STACK}-${name}`;
}

async function createFunction(name: string, code: string, env: Record<string, string> = {}): Promise<void> {
  const file = join(folder, 'index.mjs');
  writeFileSync(file, code);
  const zip = join(folder, `${name}.zip`);
  execFileSync('python3', ['-m', 'zipfile', '-c', zip, file]);
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: `${STACK}-${name}`,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: `arn:aws:iam::${aws.accountId}:role/any`,
      Code: { ZipFile: readFileSync(zip) },
      Timeout: 900,
      Environment: { Variables: env },
    }),
  );
}

/** The Lambda as it is deployed, and the starters, which do nothing. */
async function createFunctions(): Promise<void> {
  for (const name of ['cdc', 'reconcile'])
    await createFunction(name, 'export const handler = async () => {};');
  const settings = { cluster: STACK, starters: [`${STACK}-cdc`, `${STACK}-reconcile`], settleSeconds: 1 };
  const { outputFiles } = await build({
    entryPoints: [ENTRY],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  await createFunction('drain', outputFiles[0]?.text ?? '', {
    [DRAIN_ENV.stack]: STACK,
    [DRAIN_ENV.drain]: JSON.stringify(settings),
    [DRAIN_ENV.logLevel]: 'info',
  });
}

async function register(family: string): Promise<string> {
  const containerDefinitions = [{ name: 'replicator', image: 'x', memory: 64 }];
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({ family, containerDefinitions }),
  );
  return taskDefinition?.taskDefinitionArn ?? '';
}

async function createSecret(name: string, stack: string): Promise<void> {
  const Tags = [
    { Key: TAGS.stack, Value: stack },
    { Key: TAGS.incarnation, Value: INCARNATION },
  ];
  await secrets.send(new CreateSecretCommand({ Name: name, SecretString: 's', Tags }));
}

async function statuses(arns: string[]): Promise<(string | undefined)[]> {
  const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster: STACK, tasks: arns }));
  return tasks.map(({ lastStatus }) => lastStatus);
}

async function definitions(): Promise<string[]> {
  const found = await Promise.all(
    (['ACTIVE', 'INACTIVE'] as const).map(async (status) => {
      const { taskDefinitionArns = [] } = await ecs.send(new ListTaskDefinitionsCommand({ status }));
      return taskDefinitionArns.map((arn) => arn.replace(/^.*\//, ''));
    }),
  );
  return found.flat().toSorted();
}

async function secretNames(): Promise<(string | undefined)[]> {
  const { SecretList = [] } = await secrets.send(new ListSecretsCommand());
  return SecretList.map(({ Name }) => Name).toSorted();
}

test('a stack that is deleted is emptied by its own Lambda; nobody else loses anything', async () => {
  await createFunctions();
  await ecs.send(new CreateClusterCommand({ clusterName: STACK }));
  await cloudFormation({ Action: 'CreateStack', TemplateBody: template('Drain', 'Other') });
  await until(/CREATE_COMPLETE/);

  const old = await register(FAMILY);
  await ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition: old }));
  const taskDefinition = await register(FAMILY);
  const others = [
    `${STACK}-replicator`,
    `${STACK}-x-${INCARNATION}-01234567`,
    `other-${INCARNATION}-01234567`,
  ];
  for (const family of others) await register(family);
  await createSecret(`${STACK}/target-${INCARNATION}`, STACK);
  await createSecret('mine', STACK);
  await createSecret(`${STACK}/target-x`, 'other');
  const { tasks = [] } = await ecs.send(new RunTaskCommand({ cluster: STACK, taskDefinition, count: 3 }));
  const arns = tasks.map(({ taskArn }) => taskArn ?? '');
  expect(arns).toHaveLength(3);

  // A version of the stack without the drain: its replicators run on.
  await cloudFormation({ Action: 'UpdateStack', TemplateBody: template('Other') });
  await until(/UPDATE_COMPLETE</);
  expect(await statuses(arns)).toEqual(['RUNNING', 'RUNNING', 'RUNNING']);
  await cloudFormation({ Action: 'UpdateStack', TemplateBody: template('Drain', 'Other') });
  await until(/UPDATE_COMPLETE</);

  await cloudFormation({ Action: 'DeleteStack' });
  await until(/DELETE_COMPLETE|does not exist/);

  expect(await statuses(arns)).toEqual(['STOPPED', 'STOPPED', 'STOPPED']);
  expect(await definitions()).toEqual(others.map((family) => `${family}:1`).toSorted());
  expect(await secretNames()).toEqual([`${STACK}/target-x`, 'mine'].toSorted());
  for (const name of ['cdc', 'reconcile']) {
    const FunctionName = `${STACK}-${name}`;
    expect(await lambda.send(new GetFunctionConcurrencyCommand({ FunctionName }))).toMatchObject({
      ReservedConcurrentExecutions: 0,
    });
  }
});

test('a stack whose cluster never came about has no replicators', async () => {
  expect(await new EcsReplicators(ecs, 'nobody').list()).toEqual([]);
});
