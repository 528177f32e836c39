import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { loadConfig } from '../../../infra/config.ts';
import { CdcStack } from '../../../infra/stack.ts';

/** The least that an operator has to say. */
export const MINIMAL = {
  'network.vpcId': 'vpc-0123456789abcdef0',
  'network.subnetIds': 'subnet-0aaaaaaaaaaaaaaaa,subnet-0bbbbbbbbbbbbbbbb',
  'source.etcd.endpoints': 'etcd.example.com:2379',
  'source.kafka.bootstrap': 'kafka.example.com:9092',
} as const;

type SettingsGiven = Readonly<Record<string, unknown>>;

/** The app as `cdk synth` makes it, with the flags of `cdk.json`, but without bundling Lambdas and the image. */
export function appOf(...settings: readonly SettingsGiven[]): { app: App; stacks: readonly CdcStack[] } {
  const { context } = JSON.parse(readFileSync(path('../../../cdk.json'), 'utf8')) as {
    context: Record<string, unknown>;
  };
  const app = new App({
    analyticsReporting: false,
    // Takes seconds; `cdk synth` does it, and so does the test that runs that.
    builtinCloudFormationValidation: false,
    context: { ...context, 'aws:cdk:bundling-stacks': [] },
  });
  const stacks = settings.map(
    (given) =>
      new CdcStack(app, {
        config: loadConfig({ context: { ...given }, env: {}, cwd: path('.') }),
        imageFolder: path('image'),
      }),
  );
  return { app, stacks };
}

/** The template of the stack with these settings beside the least that is needed. */
export function synth(settings: SettingsGiven = {}): Template {
  const [stack] = appOf({ ...MINIMAL, ...settings }).stacks;
  return Template.fromStack(stack!);
}

function path(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}
