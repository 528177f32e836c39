import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { synth } from './synth.ts';

const template = synth();

/** Ids of the stack's resources of a kind. */
function ids(type: string): string[] {
  return Object.keys(template.findResources(type));
}

test('the drain is deleted before anything that replicators, or whoever starts and stops them, need', () => {
  const [drain] = Object.values(template.findResources('Custom::MilvusCdcDrain'));
  const needed = [
    'AWS::ECS::Cluster',
    'AWS::ECS::TaskDefinition',
    'AWS::IAM::Role',
    'AWS::IAM::Policy',
    'AWS::EC2::SecurityGroup',
    'AWS::Lambda::Function',
  ].flatMap(ids);
  // Not its business: who may call the API, and the checks of a create.
  const others = needed.filter((id) => !/^(?:Api|ControlPlaneProbe)/.test(id));
  expect(others.length).toBeGreaterThan(10);
  expect(others.filter((id) => !drain?.['DependsOn'].includes(id))).toEqual([]);
});

test('a new network stays until the drain is over, its routes included', () => {
  const stack = synth({
    'network.vpcId': undefined,
    'network.subnetIds': undefined,
    'network.egress': 'nat',
  });
  const [drain] = Object.values(stack.findResources('Custom::MilvusCdcDrain'));
  for (const type of ['AWS::EC2::NatGateway', 'AWS::EC2::Route', 'AWS::EC2::VPCGatewayAttachment']) {
    const found = Object.keys(stack.findResources(type));
    expect(found).not.toEqual([]);
    expect(found.filter((id) => !drain?.['DependsOn'].includes(id))).toEqual([]);
  }
});

test('the drain is told whom to silence, and waits longer than any of them can run', () => {
  template.hasResourceProperties('AWS::Lambda::Function', {
    FunctionName: Match.stringLikeRegexp('-drain$'),
    Timeout: 900,
    Environment: { Variables: Match.objectLike({ CDC_DRAIN: Match.anyValue() }) },
  });
  const [drain] = Object.values(
    template.findResources('AWS::Lambda::Function', {
      Properties: { FunctionName: Match.stringLikeRegexp('-drain$') },
    }),
  );
  const settings = JSON.stringify(drain?.['Properties'].Environment.Variables.CDC_DRAIN);
  expect(settings).toContain('ControlPlaneCdc');
  expect(settings).toContain('ControlPlaneReconcile');
  const settle = Number(/settleSeconds\\+":(\d+)/.exec(settings)?.[1]);
  const timeouts = Object.values(template.findResources('AWS::Lambda::Function'))
    .filter(({ Properties }) => /-(?:cdc|reconcile)$/.test(Properties.FunctionName))
    .map(({ Properties }) => Number(Properties.Timeout));
  expect(timeouts).toHaveLength(2);
  expect(settle).toBe(Math.max(...timeouts));
});

test('the drain may do what it has to and no more', () => {
  const policies = Object.entries(template.findResources('AWS::IAM::Policy'));
  const [, policy] = policies.find(([id]) => id.startsWith('UninstallDrain'))!;
  const statements = policy['Properties'].PolicyDocument.Statement as { Action: string | string[] }[];
  expect(statements.flatMap(({ Action }) => Action).toSorted()).toEqual([
    'cloudformation:DescribeStacks',
    'ecs:DeleteTaskDefinitions',
    'ecs:DeregisterTaskDefinition',
    'ecs:DescribeTasks',
    'ecs:ListTaskDefinitionFamilies',
    'ecs:ListTaskDefinitions',
    'ecs:ListTasks',
    'ecs:StopTask',
    'lambda:PutFunctionConcurrency',
    'logs:CreateLogStream',
    'logs:PutLogEvents',
    'secretsmanager:DeleteSecret',
    'secretsmanager:ListSecrets',
  ]);
});
