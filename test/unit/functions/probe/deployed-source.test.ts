import type { ECSClient } from '@aws-sdk/client-ecs';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { expect, test } from 'vitest';
import { DeployedSource } from '../../../../functions/probe/deployed-source.ts';

const ARN = 'arn:aws:ecs:eu-central-1:123456789012:task-definition/stack-replicator:7';
const LOGIN = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:kafka-a1B2c3';
const SOURCE = {
  etcd: { endpoints: ['etcd:2379'] },
  kafka: { bootstrap: ['kafka:9092'], sasl: { mechanism: 'SCRAM-SHA-512' } },
};

interface Account {
  environment?: object | undefined;
  readonly valueFrom?: string;
  readonly values: Record<string, string>;
}

/** ECS with one task definition, and Secrets Manager with some secrets. */
function read(account: Account) {
  const asked: string[] = [];
  const client = (answer: (input: Record<string, string>) => object) => ({
    send: async (command: { input: Record<string, string> }) => {
      asked.push(command.constructor.name);
      return answer(command.input);
    },
  });
  const ecs = client(({ taskDefinition }) => {
    expect(taskDefinition).toBe(ARN);
    const environment = Object.entries(account.environment ?? { CDC_SOURCE: JSON.stringify(SOURCE) });
    return {
      taskDefinition: {
        containerDefinitions: [
          { name: 'sidecar' },
          {
            name: 'replicator',
            environment: environment.map(([name, value]) => ({ name, value })),
            secrets: [
              { name: 'CDC_SOURCE_KAFKA_LOGIN', valueFrom: account.valueFrom ?? LOGIN },
              { name: 'SOMEBODY_ELSES', valueFrom: 'arn:aws:ssm:eu-central-1:123456789012:parameter/x' },
            ],
          },
        ],
      },
    };
  });
  const secrets = client(({ SecretId = '' }) => {
    const SecretString = account.values[SecretId];
    if (SecretString === undefined) throw Object.assign(new Error('not found'), { name: 'NotFound' });
    return { SecretString };
  });
  const source = new DeployedSource({
    ecs: ecs as unknown as ECSClient,
    secrets: secrets as unknown as SecretsManagerClient,
    taskDefinition: ARN,
  });
  return { source, asked };
}

const VALUES = { [LOGIN]: JSON.stringify({ username: 'reader', password: 's3cret' }) };

test('the settings are those of the task definition, completed by its secrets', async () => {
  const { source } = read({ values: VALUES });
  expect((await source.read()).kafka.sasl).toEqual({
    mechanism: 'SCRAM-SHA-512',
    username: 'reader',
    password: 's3cret',
  });
});

test('a member of a secret may be named', async () => {
  const values = { [LOGIN]: JSON.stringify({ kafka: VALUES[LOGIN] }) };
  const { source } = read({ values, valueFrom: `${LOGIN}:kafka::` });
  expect((await source.read()).kafka.sasl).toMatchObject({ username: 'reader' });
});

test('the task definition is read once, its secrets each time: they may change', async () => {
  const account = { values: { ...VALUES } };
  const { source, asked } = read(account);
  await source.read();
  account.values[LOGIN] = JSON.stringify({ username: 'another', password: '' });
  expect((await source.read()).kafka.sasl).toMatchObject({ username: 'another' });
  expect(asked).toEqual(['DescribeTaskDefinitionCommand', 'GetSecretValueCommand', 'GetSecretValueCommand']);
});

test.each<[string, Account, RegExp]>([
  [
    'a secret that is gone',
    { values: {} },
    /^the secret behind CDC_SOURCE_KAFKA_LOGIN cannot be read: NotFound/,
  ],
  [
    'a secret that is kept elsewhere',
    { values: {}, valueFrom: 'arn:aws:ssm:eu-central-1:123456789012:parameter/x' },
    /^CDC_SOURCE_KAFKA_LOGIN is not a secret of Secrets Manager$/,
  ],
  ['a secret of another form', { values: { [LOGIN]: 's3cret' } }, /CDC_SOURCE_KAFKA_LOGIN: is not JSON$/],
  ['no settings', { values: VALUES, environment: {} }, /has no CDC_SOURCE: deploy the stack again$/],
  [
    'wrong settings',
    { values: VALUES, environment: { CDC_SOURCE: '{}' } },
    /settings are wrong: CDC_SOURCE\.etcd/,
  ],
])('%s is told in a sentence that holds no credential', async (_, account, sentence) => {
  const failure = await read(account)
    .source.read()
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ name: 'SourceProbeError', message: expect.stringMatching(sentence) });
  expect((failure as Error).message).not.toContain('s3cret');
});
