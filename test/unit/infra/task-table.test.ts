import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { synth } from './synth.ts';

const template = synth();

test('the task table survives the stack, and mistakes', () => {
  template.hasResource('AWS::DynamoDB::GlobalTable', {
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: Match.objectLike({
      BillingMode: 'PAY_PER_REQUEST',
      SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
      Replicas: [
        Match.objectLike({
          DeletionProtectionEnabled: true,
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        }),
      ],
    }),
  });
});

test('the task table has the keys that the store writes', () => {
  const [table] = Object.values(template.findResources('AWS::DynamoDB::GlobalTable'));
  expect(table?.['Properties'].KeySchema).toEqual([
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ]);
});

test('the table goes with the stack only where the operator said so', () => {
  synth({ removalPolicy: 'destroy' }).hasResource('AWS::DynamoDB::GlobalTable', {
    DeletionPolicy: 'Delete',
    Properties: Match.objectLike({ Replicas: [Match.objectLike({ DeletionProtectionEnabled: false })] }),
  });
});

test('a table that is there already is used and not touched', () => {
  const adopting = synth({ existingTable: 'milvus-cdc-old-tasks' });
  adopting.resourceCountIs('AWS::DynamoDB::GlobalTable', 0);
  adopting.resourceCountIs('AWS::DynamoDB::Table', 0);
  adopting.hasOutput('TaskTableName', { Value: 'milvus-cdc-old-tasks' });
  adopting.hasResourceProperties('AWS::Lambda::Function', {
    Environment: { Variables: Match.objectLike({ CDC_TABLE: 'milvus-cdc-old-tasks' }) },
  });
});
