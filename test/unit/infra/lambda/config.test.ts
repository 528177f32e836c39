import { expect, test } from 'vitest';
import { readControlPlaneConfig, readProbeConfig } from '../../../../infra/lambda/config.ts';

const FLEET = {
  cluster: 'cluster',
  baseTaskDefinition: 'arn:aws:ecs:eu-central-1:123456789012:task-definition/stack-replicator:7',
  subnets: ['subnet-1'],
  securityGroups: ['sg-1'],
  assignPublicIp: false,
  spot: false,
  logGroup: 'stack/replicators',
};
const ENV = {
  CDC_STACK: 'stack',
  CDC_TABLE: 'table',
  CDC_FLEET: JSON.stringify(FLEET),
  CDC_PROBE_FUNCTION: 'stack-probe',
};

test('the settings of the API are those of milvus-cdc where nothing else is said', () => {
  expect(readControlPlaneConfig(ENV)).toEqual({
    stack: 'stack',
    table: 'table',
    fleet: FLEET,
    probeFunction: 'stack-probe',
    api: {
      maxTasks: 100,
      maxNameLength: 256,
      replicateChannel: 'by-dev-replicate-msg',
      oneCollectionPerTask: false,
      showStatus: true,
      allowedTargets: [],
    },
    logLevel: 'info',
  });
  const api = { maxTasks: 3, allowedTargets: ['*.example.com:19530', '10.0.0.0/8'] };
  expect(
    readControlPlaneConfig({ ...ENV, CDC_API: JSON.stringify(api), CDC_LOG_LEVEL: 'debug' }),
  ).toMatchObject({ api, logLevel: 'debug' });
});

test('all that is wrong is told in one sentence, without values', () => {
  const env = {
    CDC_TABLE: '',
    CDC_FLEET: JSON.stringify({ ...FLEET, subnets: [], spot: 's3cret' }),
    CDC_API: JSON.stringify({ maxTasks: -1, allowedTargets: ['http://s3cret'] }),
    CDC_LOG_LEVEL: 's3cret',
  };
  const read = () => readControlPlaneConfig(env);
  for (const name of [
    'CDC_STACK',
    'CDC_TABLE',
    'CDC_FLEET.subnets',
    'CDC_FLEET.spot',
    'CDC_PROBE_FUNCTION',
    'CDC_API.maxTasks',
    'CDC_API.allowedTargets.0',
    'CDC_LOG_LEVEL',
  ]) {
    expect(read).toThrow(`${name}: `);
  }
  expect(read).not.toThrow(/s3cret|\n/);
  expect(() => readControlPlaneConfig({ ...ENV, CDC_FLEET: '{' })).toThrow('CDC_FLEET: is not JSON');
});

test('the probe needs no settings', () => {
  expect(readProbeConfig({})).toEqual({ logLevel: 'info', anyAddress: false });
  expect(readProbeConfig({ CDC_EMULATION: 'true' })).toMatchObject({ anyAddress: true });
  expect(() => readProbeConfig({ CDC_LOG_LEVEL: 'loud' })).toThrow('CDC_LOG_LEVEL: ');
});
