import { Match, type Template } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { REPLICATOR_ENV, REPLICATOR_SECRETS, TIMING } from '#shared/names.ts';
import { loadConfig } from '../../../replicator/config.ts';
import { replicatorEnvironment } from './environments.ts';
import { STAGES } from './stages.ts';
import { MINIMAL, synth } from './synth.ts';

const template = synth();

interface Container {
  readonly Environment: readonly { readonly Name: string; readonly Value: string }[];
  readonly Secrets?: readonly { readonly Name: string; readonly ValueFrom: string }[];
  readonly StopTimeout: number;
}

function containerOf(of: Template): Container {
  const [definition] = Object.values(of.findResources('AWS::ECS::TaskDefinition'));
  return definition?.['Properties'].ContainerDefinitions[0];
}

test('the base task definition is what every replicator has in common', () => {
  template.hasResourceProperties('AWS::ECS::TaskDefinition', {
    Family: 'milvus-cdc-prod-replicator',
    Cpu: '512',
    Memory: '1024',
    NetworkMode: 'awsvpc',
    RequiresCompatibilities: ['FARGATE'],
    RuntimePlatform: { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' },
    ContainerDefinitions: [
      Match.objectLike({
        Name: 'replicator',
        Essential: true,
        User: '1000:1000',
        ReadonlyRootFilesystem: true,
        LinuxParameters: { InitProcessEnabled: true, Capabilities: { Drop: ['ALL'] } },
        HealthCheck: Match.objectLike({ Command: ['CMD', 'node', '/app/replicator/health.mjs'] }),
        LogConfiguration: {
          LogDriver: 'awslogs',
          Options: Match.objectLike({ 'awslogs-stream-prefix': 'replicator' }),
        },
      }),
    ],
  });
});

test('a replicator that is asked to stop has drained, and given up, before ECS kills it', () => {
  const { StopTimeout } = containerOf(template);
  expect(TIMING.drainSeconds).toBeLessThan(TIMING.forcedExitSeconds);
  expect(TIMING.forcedExitSeconds).toBeLessThan(StopTimeout);
  // Fargate's limit.
  expect(StopTimeout).toBeLessThanOrEqual(120);
});

test('what is secret comes from Secrets Manager and stands in no variable', () => {
  const { Environment, Secrets } = containerOf(synth(STAGES.dev));
  expect(Secrets).toEqual([
    { Name: 'CDC_SOURCE_ETCD_LOGIN', ValueFrom: STAGES.dev['source.etcd.loginSecret'] },
    { Name: 'CDC_SOURCE_KAFKA_LOGIN', ValueFrom: STAGES.dev['source.kafka.loginSecret'] },
  ]);
  expect(JSON.stringify(Environment)).not.toContain('secretsmanager');
});

test('the ids of a task are in no variable of the base: they come with each start', () => {
  const names = containerOf(template).Environment.map(({ Name }) => Name);
  expect(names.sort()).toEqual(['CDC_HEALTH_PORT', 'CDC_LOG_LEVEL', 'CDC_SOURCE', 'CDC_STACK', 'CDC_TABLE']);
});

test.each(Object.entries(STAGES))('a replicator reads what the stage %s hands it', (_stage, settings) => {
  const login = '{"username": "cdc", "password": "secret"}';
  const environment = replicatorEnvironment(synth(settings), {
    [REPLICATOR_SECRETS.etcdLogin]: login,
    [REPLICATOR_SECRETS.kafkaLogin]: login,
  });
  const ids = {
    [REPLICATOR_ENV.taskId]: 'task',
    [REPLICATOR_ENV.incarnation]: '0123456789abcdef0123456789abcdef',
    [REPLICATOR_ENV.generation]: '1',
  };
  const config = loadConfig({ ...environment, ...ids });
  expect(config.store).toMatchObject({ kind: 'aws' });
  expect(config.source.kafka.bootstrap).toEqual(['kafka.example.com:9092']);
  expect(config.source.etcd.auth !== undefined).toBe('source.etcd.loginSecret' in settings);
});

test('what a replicator is tuned by is what it reads', () => {
  const tuned = synth({ 'replicator.settings': { requestsInFlight: 8 } });
  expect(JSON.parse(replicatorEnvironment(tuned)['CDC_SETTINGS'] ?? '')).toEqual({ requestsInFlight: 8 });
});

test('a change of what replicators are handed makes another base, and so another release', () => {
  const definition = (of: Template) => Object.values(of.findResources('AWS::ECS::TaskDefinition'))[0];
  expect(definition(synth({ 'replicator.settings': { requestsInFlight: 8 } }))).not.toEqual(
    definition(template),
  );
});

test('Spot has its capacity providers, and on demand needs none', () => {
  template.resourceCountIs('AWS::ECS::ClusterCapacityProviderAssociations', 0);
  synth({ 'replicator.spot': true }).hasResourceProperties('AWS::ECS::ClusterCapacityProviderAssociations', {
    CapacityProviders: ['FARGATE', 'FARGATE_SPOT'],
  });
});

test('Container Insights are off for their price, until somebody wants them', () => {
  const setting = (value: string) => ({ ClusterSettings: [{ Name: 'containerInsights', Value: value }] });
  template.hasResourceProperties('AWS::ECS::Cluster', setting('disabled'));
  synth({ containerInsights: true }).hasResourceProperties('AWS::ECS::Cluster', setting('enabled'));
});

test('an image from elsewhere needs no asset', () => {
  const given = synth({ ...MINIMAL, replicatorImage: 'ghcr.io/me/cdc:1.0.0' });
  given.hasResourceProperties('AWS::ECS::TaskDefinition', {
    ContainerDefinitions: [Match.objectLike({ Image: 'ghcr.io/me/cdc:1.0.0' })],
  });
});
