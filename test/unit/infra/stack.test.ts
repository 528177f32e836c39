import { Template } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { STAGES } from './stages.ts';
import { appOf, MINIMAL, synth } from './synth.ts';

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
}

function resourcesOf(template: Template): readonly Resource[] {
  return Object.values(template.toJSON()['Resources'] as Record<string, Resource>);
}

/** Properties that are a name on AWS, which nobody else may have. */
const NAMES = [
  'ClusterName',
  'FunctionName',
  'LogGroupName',
  'RoleName',
  'PolicyName',
  'TableName',
  'Name',
  'GroupName',
  'Family',
  'DashboardName',
  'AlarmName',
  'TopicName',
  'RestApiName',
];

function namesOf(template: Template): readonly string[] {
  return resourcesOf(template).flatMap(({ Type, Properties = {} }) =>
    NAMES.flatMap((name) => {
      const value = Properties[name];
      return typeof value === 'string' ? [`${Type} ${value}`] : [];
    }),
  );
}

test('two stacks side by side share no name', () => {
  const { stacks } = appOf({ ...MINIMAL, stage: 'one' }, { ...MINIMAL, stage: 'two' });
  const [one = [], two = []] = stacks.map((stack) => namesOf(Template.fromStack(stack)));
  expect(one.length).toBeGreaterThan(8);
  // Inline policies are named within their role.
  const shared = one.filter((name) => two.includes(name) && !name.startsWith('AWS::IAM::Policy '));
  expect(shared).toEqual([]);
});

test.each(Object.entries(STAGES))('every log of the stage %s ends after some time', (_stage, settings) => {
  const groups = resourcesOf(synth(settings)).filter(({ Type }) => Type === 'AWS::Logs::LogGroup');
  expect(groups.length).toBeGreaterThanOrEqual(5);
  for (const { Properties } of groups) expect(Properties).toMatchObject({ RetentionInDays: 30 });
});

test.each(Object.entries(STAGES))('nothing but the table outlives the stage %s', (_stage, settings) => {
  const kept = resourcesOf(synth(settings)).filter(({ DeletionPolicy }) => DeletionPolicy === 'Retain');
  const allowed = ['AWS::DynamoDB::GlobalTable', 'AWS::ApiGateway::Account', 'AWS::IAM::Role'];
  expect(kept.map(({ Type }) => Type).filter((type) => !allowed.includes(type))).toEqual([]);
});

test.each(Object.entries(STAGES))('the template of the stage %s holds no secret', (_stage, settings) => {
  const text = JSON.stringify(synth(settings).toJSON());
  expect(text).not.toMatch(/PRIVATE KEY|\{\{resolve:|"password|SecretString/i);
});

test('tags are on everything that can have them', () => {
  const tagged = resourcesOf(synth({ tags: 'team=search' }));
  const clusters = tagged.filter(({ Type }) => Type === 'AWS::ECS::Cluster');
  expect(JSON.stringify(clusters)).toContain('{"Key":"team","Value":"search"}');
});

test('the outputs say what an operator needs next', () => {
  expect(Object.keys(synth().toJSON()['Outputs'] as object).sort()).toEqual([
    'ApiInvokeArn',
    'ApiUrl',
    'CdcLogGroup',
    'ClusterName',
    'ProbeLogGroup',
    'ReconcileLogGroup',
    'ReplicatorLogGroup',
    'ReplicatorSecurityGroup',
    'TaskTableName',
  ]);
});

test('the example can be looked at and not deployed', () => {
  const example = Template.fromStack(appOf({}).stacks[0]!).toJSON() as { Rules?: Record<string, unknown> };
  expect(example.Rules).toMatchObject({
    Settings: { Assertions: [{ Assert: { 'Fn::Equals': ['example', 'settings'] } }] },
  });
  expect(synth().toJSON()['Rules']).not.toHaveProperty('Settings');
});
