import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, expect, test } from 'vitest';
import { HEALTH_COMMAND } from '#shared/names.ts';
import { cfnLintPackages } from '../../support/stack/download/cfn-lint.ts';
import { lambdaEnvironments } from '../../unit/infra/environments.ts';
import { STAGES } from '../../unit/infra/stages.ts';

/** `cdk synth` as an operator runs it: by the CDK's command line, with settings in a file, Lambdas and image bundled, and
 *  neither an account nor Docker. */

const ROOT = join(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'cdc-synth-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TIMEOUT = 300_000;
const options = { timeout: TIMEOUT };

interface Ended {
  readonly code: number;
  readonly output: string;
}

async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const PATH = process.env['PATH'] ?? '';
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, {
      cwd: ROOT,
      env: { PATH, HOME: folder, AWS_EC2_METADATA_DISABLED: 'true', ...env },
      timeout: TIMEOUT,
    });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code: number; stdout?: string; stderr?: string };
    return { code, output: stdout + stderr };
  }
}

function synth(stage: string, ...args: readonly string[]): Promise<Ended> {
  return run('npx', ['cdk', 'synth', '--quiet', '--output', join(folder, stage), ...args]);
}

function templateFile(stage: string): string {
  return join(folder, stage, `milvus-cdc-${stage}.template.json`);
}

test('without a setting the example is synthesized, and said to be one', options, async () => {
  const { code, output } = await synth('example');
  expect(output).toContain('No settings were given: this is infra/example.yaml');
  expect(code).toBe(0);
});

test(
  'what is wrong with the settings is said in sentences, and nothing is synthesized',
  options,
  async () => {
    const { code, output } = await synth('wrong', '-c', 'stage=dev', '-c', 'network.egress=none');
    expect(code).not.toBe(0);
    expect(output).toContain(
      [
        'The settings cannot be used:',
        '  network.egress must be one of existing, nat, endpoints, public-ip',
        '  network.vpcId is missing: name the VPC to run in, or let the stack make one with network.egress nat, endpoints or public-ip',
        '  source.etcd.endpoints is missing: host:port of etcd',
        '  source.kafka.bootstrap is missing: host:port of the brokers',
        'infra/SETTINGS.md has every setting.',
      ].join('\n'),
    );
    expect(output).not.toMatch(/^ +at /m);
  },
);

test.each(Object.entries(STAGES))(
  'the stage %s is synthesized from a file of settings',
  options,
  async (stage, settings) => {
    const file = join(folder, `${stage}.json`);
    writeFileSync(file, JSON.stringify({ stage, ...settings }));
    const { code, output } = await synth(stage, '-c', `config=${file}`);
    expect(output).not.toMatch(/\bERROR\b|\bWARNING\b/);
    expect(code).toBe(0);
  },
);

const CFN_LINT = 'from cfnlint.runner import main; main()';
/** Dependencies that are there by a reference, too: the CDK always writes them. */
const CDK_HABIT = 'W3005';

test('cfn-lint finds nothing in any of the templates', options, async () => {
  const templates = Object.keys(STAGES).map(templateFile);
  const packages = await cfnLintPackages();
  const { code, output } = await run(
    'python3',
    ['-c', CFN_LINT, '--ignore-checks', CDK_HABIT, '--', ...templates],
    {
      PYTHONPATH: packages,
    },
  );
  expect(output).toBe('');
  expect(code).toBe(0);
});

test('each Lambda is bundled whole: it loads from an empty folder and has its handler', options, async () => {
  const template = Template.fromJSON(JSON.parse(readFileSync(templateFile('prod'), 'utf8')) as object);
  const environments = lambdaEnvironments(template);
  expect(environments.size).toBeGreaterThanOrEqual(3);
  for (const [name, environment] of environments) {
    const [found] = Object.values(
      template.findResources('AWS::Lambda::Function', {
        Properties: { FunctionName: `milvus-cdc-prod-${name}` },
      }),
    );
    const { Handler, Code } = found!['Properties'] as { Handler: string; Code: { S3Key: string } };
    expect(Handler).toBe('index.handler');
    const asset = `asset.${Code.S3Key.replace('.zip', '')}`;
    const entry = pathToFileURL(join(folder, 'prod', asset, 'index.mjs')).href;
    const script = `import(${JSON.stringify(entry)}).then(({ handler }) => console.log(typeof handler))`;
    const env = { ...environment, AWS_REGION: 'eu-west-1' };
    const { output } = await run(process.execPath, ['--eval', script], env);
    expect(output, name).toBe('function\n');
  }
});

test('the image holds what its health check runs', options, () => {
  const [, script] = HEALTH_COMMAND;
  // WORKDIR /app, into which the image copies its folder `replicator`.
  expect(existsSync(join(ROOT, '.cache/image', script.replace('/app/', '')))).toBe(true);
});
