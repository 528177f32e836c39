import { Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { STAGES } from './stages.ts';
import { appOf } from './synth.ts';

/** Loading all of the CDK takes seconds on a busy machine. */
const options = { timeout: 120_000 };

// A change of a template is a change of somebody's account: it is to be seen in the commit that makes it.
describe.each(Object.entries(STAGES))('the stage %s', (stage, settings) => {
  const { app, stacks } = appOf(settings);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

  test('has nothing that AWS Solutions finds and nobody explained', options, () => {
    // Fails with the findings.
    expect(() => app.synth()).not.toThrow();
  });

  test('is as it was', options, async () => {
    const template = JSON.stringify(Template.fromStack(stacks[0]!).toJSON()).replace(ASSET_HASH, '<hash>');
    await expect(stringify(JSON.parse(template), { aliasDuplicateObjects: false })).toMatchFileSnapshot(
      `snapshots/${stage}.yaml.snap`,
    );
  });
});

const ASSET_HASH = /[0-9a-f]{64}/g;

test('a finding fails the check', options, () => {
  const { app, stacks } = appOf(STAGES.prod);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  new Topic(stacks[0]!, 'Unencrypted');
  expect(() => app.synth()).toThrow('AwsSolutions-SNS3');
});
