import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { readControlPlaneConfig } from '../../../infra/lambda/config.ts';
import { lambdaEnvironments, ON_AWS } from './environments.ts';
import { statementsOf } from './policies.ts';
import { STAGES } from './stages.ts';
import { synth } from './synth.ts';

const template = synth({
  allowedTargets: '*.example.com,10.0.0.0/8',
  'api.maxTasks': 7,
  'replicator.spot': true,
});

interface FunctionProperties {
  readonly FunctionName: string;
  readonly Timeout: number;
}

const functions = new Map(
  Object.values(template.findResources('AWS::Lambda::Function')).map(({ Properties }) => [
    String(Properties.FunctionName).replace('milvus-cdc-prod-', ''),
    Properties as FunctionProperties,
  ]),
);

const environments = lambdaEnvironments(template);

test.each(['cdc', 'reconcile'])('the environment of %s is what its code reads', (name) => {
  expect(readControlPlaneConfig(environments.get(name))).toEqual({
    stack: 'milvus-cdc-prod',
    table: ON_AWS,
    fleet: {
      cluster: ON_AWS,
      baseTaskDefinition: ON_AWS,
      subnets: ['subnet-0aaaaaaaaaaaaaaaa', 'subnet-0bbbbbbbbbbbbbbbb'],
      securityGroups: [ON_AWS],
      assignPublicIp: false,
      spot: true,
      logGroup: ON_AWS,
    },
    probeFunction: ON_AWS,
    api: {
      maxTasks: 7,
      maxNameLength: 256,
      replicateChannel: 'by-dev-replicate-msg',
      oneCollectionPerTask: false,
      showStatus: true,
      allowedTargets: ['*.example.com', '10.0.0.0/8'],
    },
    logLevel: 'info',
  });
});

test('each Lambda runs Node 24 on ARM64 and writes a log of its own', () => {
  template.allResourcesProperties('AWS::Lambda::Function', {
    Runtime: 'nodejs24.x',
    Architectures: ['arm64'],
    LoggingConfig: { LogGroup: Match.anyValue() },
    TracingConfig: Match.absent(),
    ReservedConcurrentExecutions: Match.absent(),
  });
  expect([...functions.keys()].sort()).toEqual(['cdc', 'drain', 'probe', 'reconcile']);
});

test('a Lambda has ended before its gateway gives up', () => {
  expect(functions.get('cdc')?.Timeout).toBeLessThan(29);
  expect(functions.get('probe')?.Timeout).toBeLessThan(29);
});

test('only the probe is in the VPC, in the security group of replicators', () => {
  const placed = [...functions].filter(([, properties]) => 'VpcConfig' in properties);
  expect(placed.map(([name]) => name)).toEqual(['probe']);
  template.hasResourceProperties('AWS::Lambda::Function', {
    VpcConfig: {
      SubnetIds: ['subnet-0aaaaaaaaaaaaaaaa', 'subnet-0bbbbbbbbbbbbbbbb'],
      SecurityGroupIds: [{ 'Fn::GetAtt': [Match.stringLikeRegexp('^NetworkReplicators'), 'GroupId'] }],
    },
  });
});

test('the probe is told nothing that it would not be told with each request', () => {
  expect(Object.keys(environments.get('probe') ?? {}).sort()).toEqual(['CDC_LOG_LEVEL', 'NODE_OPTIONS']);
});

test('reconcile runs when a replicator of this cluster starts or ends, each minute and each hour', () => {
  template.hasResourceProperties('AWS::Events::Rule', {
    EventPattern: {
      source: ['aws.ecs'],
      'detail-type': ['ECS Task State Change'],
      detail: {
        clusterArn: [{ 'Fn::GetAtt': [Match.stringLikeRegexp('^FleetCluster'), 'Arn'] }],
        lastStatus: ['RUNNING', 'STOPPED'],
      },
    },
  });
  for (const [ScheduleExpression, Input] of [
    ['rate(1 minute)', '{"kind":"minute"}'],
    ['rate(1 hour)', '{"kind":"hourly"}'],
  ]) {
    template.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression,
      Targets: [
        Match.objectLike({ Input, RetryPolicy: { MaximumEventAgeInSeconds: 300, MaximumRetryAttempts: 3 } }),
      ],
    });
  }
  template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
    MaximumEventAgeInSeconds: 300,
    MaximumRetryAttempts: 1,
  });
});

test('where replicators have public addresses, targets on the internet are tried from outside of the VPC', () => {
  const template = synth(STAGES.dev);
  const environments = lambdaEnvironments(template);
  expect(readControlPlaneConfig(environments.get('cdc')).outsideProbeFunction).toBe(ON_AWS);
  template.hasResourceProperties('AWS::Lambda::Function', {
    FunctionName: 'milvus-cdc-dev-outside-probe',
    VpcConfig: Match.absent(),
  });
  const rights = statementsOf(template, 'ControlPlaneOutsideProbeRole').flatMap(({ actions }) => actions);
  expect(rights.sort()).toEqual(['logs:CreateLogStream', 'logs:PutLogEvents']);
});
