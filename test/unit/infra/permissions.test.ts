import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { key, ofTask } from '#shared/store/dynamodb/keys.ts';
import { statementsByRole, statementsOf } from './policies.ts';
import { synth } from './synth.ts';

const LOGIN = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:etcd-login-AbCdEf';
const KEY = 'arn:aws:kms:eu-west-1:111122223333:key/1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809';
const CLUSTER = 'arn:aws:kafka:eu-west-1:111122223333:cluster/source/1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809-2';

/** Everything that adds a permission. */
const template = synth({
  'source.etcd.loginSecret': LOGIN,
  'source.kafka.auth': 'msk-iam',
  'source.kafka.clusterArn': CLUSTER,
  secretKeys: KEY,
});
const [CDC, RECONCILE, PROBE] = ['ControlPlaneCdcRole', 'ControlPlaneReconcileRole', 'ControlPlaneProbeRole'];
const [TASK, EXECUTION] = ['FleetBaseTaskRole', 'FleetBaseExecutionRole'];

function actionsOf(role: string): readonly string[] {
  return statementsOf(template, role)
    .filter(({ effect }) => effect === 'Allow')
    .flatMap(({ actions }) => actions)
    .sort();
}

test('no role may do anything by wildcard', () => {
  const actions = [...statementsByRole(template).values()].flat().flatMap((statement) => statement.actions);
  expect(actions.length).toBeGreaterThan(40);
  expect(actions.filter((action) => action.includes('*'))).toEqual([]);
});

test('what may be done to everything is this, because AWS takes no narrower resource', () => {
  const open = new Set(
    [...statementsByRole(template).values()]
      .flat()
      .filter(({ effect, resources }) => effect === 'Allow' && resources.includes('*'))
      .flatMap(({ actions }) => actions),
  );
  expect([...open].sort()).toEqual([
    // Lambda connects the probe to the VPC with the probe's role; its code is denied them.
    'ec2:AssignPrivateIpAddresses',
    'ec2:CreateNetworkInterface',
    'ec2:DeleteNetworkInterface',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSubnets',
    'ec2:UnassignPrivateIpAddresses',
    // A login to ECR.
    'ecr:GetAuthorizationToken',
    // Task definitions: reading them, and retiring one by its ARN. None is in use by its definition alone.
    'ecs:DeregisterTaskDefinition',
    'ecs:DescribeTaskDefinition',
    'ecs:ListTaskDefinitionFamilies',
    'ecs:ListTaskDefinitions',
    // Only in this stack's cluster, and only with this stack's tag: see the conditions.
    'ecs:ListTasks',
    'ecs:RegisterTaskDefinition',
    // Names and tags, no values.
    'secretsmanager:ListSecrets',
  ]);
});

test('listing tasks is for this cluster, and registering for what carries the tag of this stack', () => {
  const statements = statementsOf(template, RECONCILE);
  const of = (action: string) => statements.find(({ actions }) => actions.includes(action))?.condition;
  expect(of('ecs:ListTasks')).toEqual({
    ArnEquals: { 'ecs:cluster': { 'Fn::GetAtt': [expect.stringMatching(/^FleetCluster/), 'Arn'] } },
  });
  expect(of('ecs:RegisterTaskDefinition')).toEqual({
    StringEquals: { 'aws:RequestTag/milvus-cdc:stack': 'milvus-cdc-prod' },
  });
});

test("copies of the base task definition are this stack's and never those of one with a longer name", () => {
  const run = statementsOf(template, CDC).find(({ actions }) => actions.includes('ecs:RunTask'));
  const [arn = ''] = run?.resources ?? [];
  const pattern = new RegExp(
    `^${arn
      .replace(/.*task-definition\//, '')
      .replaceAll('?', '.')
      .replace('*', '.*')}$`,
  );
  const copy = `${'0123456789abcdef'.repeat(2)}-${'0123456789abcdef'.slice(0, 8)}:7`;
  expect(`milvus-cdc-prod-${copy}`).toMatch(pattern);
  expect(`milvus-cdc-prod-eu-${copy}`).not.toMatch(pattern);
  expect('milvus-cdc-prod-replicator:7').not.toMatch(pattern);
});

test('the control plane hands no role to ECS but the two of replicators', () => {
  for (const role of [CDC, RECONCILE]) {
    const pass = statementsOf(template, role).filter(({ actions }) => actions.includes('iam:PassRole'));
    expect(pass).toEqual([
      {
        effect: 'Allow',
        actions: ['iam:PassRole'],
        resources: [
          expect.stringMatching(/^<FleetBaseExecutionRole\w+\.Arn>$/),
          expect.stringMatching(/^<FleetBaseTaskRole\w+\.Arn>$/),
        ],
        condition: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
      },
    ]);
  }
});

test('a running replicator reads no secret, and writes progress and no task', () => {
  const statements = statementsOf(template, TASK);
  expect(actionsOf(TASK)).toEqual([
    'dynamodb:ConditionCheckItem',
    'dynamodb:DeleteItem',
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'dynamodb:UpdateItem',
    'kafka-cluster:Connect',
    'kafka-cluster:DescribeCluster',
    'kafka-cluster:DescribeTopic',
    'kafka-cluster:DescribeTopicDynamicConfiguration',
    'kafka-cluster:ReadData',
  ]);
  const writes = statements.filter(({ actions }) => actions.some((a) => /Put|Update|Delete/.test(a)));
  expect(writes.map(({ condition }) => condition)).toEqual([
    { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['TASK#*'] } },
  ]);
  const progress = new RegExp(`^${ofTask('.*')}$`);
  expect(
    [key.launch('t').pk, key.run('t').pk, key.object('t', 'i', '1').pk].every((pk) => progress.test(pk)),
  ).toBe(true);
  expect([key.task('t').pk, key.scope('x').pk, key.logLevel().pk].some((pk) => progress.test(pk))).toBe(
    false,
  );
});

test('whoever starts a replicator reads its image, its secrets and writes its log', () => {
  expect(actionsOf(EXECUTION)).toEqual([
    'ecr:BatchCheckLayerAvailability',
    'ecr:BatchGetImage',
    'ecr:GetAuthorizationToken',
    'ecr:GetDownloadUrlForLayer',
    'kms:Decrypt',
    'logs:CreateLogStream',
    'logs:PutLogEvents',
    'secretsmanager:DescribeSecret',
    'secretsmanager:GetSecretValue',
    'secretsmanager:GetSecretValue',
  ]);
});

test('secrets are read by name where the operator named them, else by the tag of this stack', () => {
  for (const role of [CDC, EXECUTION]) {
    const reads = statementsOf(template, role).filter(({ actions }) =>
      actions.includes('secretsmanager:GetSecretValue'),
    );
    const open = reads.filter(({ resources }) => resources.some((resource) => resource.includes('*')));
    expect(open).toHaveLength(1);
    expect(open[0]?.condition).toEqual({
      StringEquals: { 'aws:ResourceTag/milvus-cdc:stack': 'milvus-cdc-prod' },
    });
    expect(reads.flatMap(({ resources }) => resources)).toContain(LOGIN);
  }
});

test("reconcile removes secrets and reads none but the source's", () => {
  const secrets = actionsOf(RECONCILE).filter((action) => action.startsWith('secretsmanager:'));
  expect(secrets).toEqual([
    'secretsmanager:DeleteSecret',
    'secretsmanager:GetSecretValue',
    'secretsmanager:ListSecrets',
  ]);
  const reads = statementsOf(template, RECONCILE).filter(({ actions }) =>
    actions.includes('secretsmanager:GetSecretValue'),
  );
  expect(reads.map(({ resources }) => resources)).toEqual([[LOGIN]]);
});

test('a key of the operator decrypts for Secrets Manager and for nobody else', () => {
  const decrypt = [...statementsByRole(template).values()]
    .flat()
    .filter(({ actions }) => actions.includes('kms:Decrypt'));
  expect(decrypt).toHaveLength(3);
  for (const { resources, condition } of decrypt) {
    expect(resources).toEqual([KEY]);
    expect(condition).toMatchObject({ StringEquals: { 'kms:ViaService': expect.anything() } });
  }
});

test('the probe may do nothing on AWS but write its log and log in to MSK', () => {
  const placement = statementsOf(template, PROBE).filter(({ actions }) =>
    actions.some((a) => a.startsWith('ec2:')),
  );
  expect(placement.map(({ effect }) => effect)).toEqual(['Allow', 'Deny']);
  expect(placement[1]).toMatchObject({
    actions: placement[0]?.actions,
    resources: ['*'],
    condition: { ArnEquals: { 'lambda:SourceFunctionArn': expect.anything() } },
  });
  const others = actionsOf(PROBE).filter((action) => !action.startsWith('ec2:'));
  expect(others.filter((action) => !/^(logs|kafka-cluster):/.test(action))).toEqual([]);
});

test('without MSK by IAM nobody has rights on Kafka', () => {
  expect(JSON.stringify(synth().toJSON())).not.toContain('kafka-cluster:');
});

test('roles of replicators are taken by ECS tasks of this account only', () => {
  template.resourcePropertiesCountIs(
    'AWS::IAM::Role',
    {
      AssumeRolePolicyDocument: Match.objectLike({
        Statement: [
          Match.objectLike({
            Principal: { Service: 'ecs-tasks.amazonaws.com' },
            Condition: Match.objectLike({ StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } }),
          }),
        ],
      }),
    },
    2,
  );
});

test('a permissions boundary bounds every role', () => {
  const bounded = synth({ permissionsBoundary: 'arn:aws:iam::111122223333:policy/boundary' });
  const roles = Object.values(bounded.findResources('AWS::IAM::Role'));
  expect(roles.length).toBeGreaterThan(4);
  for (const role of roles) {
    expect(role['Properties'].PermissionsBoundary).toBe('arn:aws:iam::111122223333:policy/boundary');
  }
});
