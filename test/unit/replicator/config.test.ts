import { describe, expect, test } from 'vitest';
import { REPLICATOR_SECRETS } from '#shared/names.ts';
import { forgetSecrets, loadConfig } from '../../../replicator/config.ts';

const SOURCE = {
  etcd: { endpoints: ['etcd:2379'] },
  kafka: { bootstrap: ['kafka:9092'] },
};
const LOCAL = {
  CDC_TASK_ID: 't',
  CDC_INCARNATION: 'i',
  CDC_GENERATION: '3',
  CDC_DATABASE: '/data/state.db',
  CDC_SOURCE: JSON.stringify(SOURCE),
};
const { CDC_DATABASE: _, ...rest } = LOCAL;
const AWS = { ...rest, CDC_TABLE: 'table', CDC_STACK: 'stack', CDC_HEALTH_PORT: '8081' };

/** The sentence that settings are refused with. */
function refusal(env: Record<string, string | undefined>): string {
  try {
    loadConfig(env);
  } catch (error) {
    expect(error).toMatchObject({ code: 'config_invalid' });
    return (error as Error).message;
  }
  throw new Error('it was taken');
}

test('one machine has a file, and no health check unless asked for', () => {
  expect(loadConfig(LOCAL)).toMatchObject({
    taskId: 't',
    incarnation: 'i',
    generation: 3,
    store: { kind: 'local', database: '/data/state.db' },
    logLevel: 'info',
    healthPort: undefined,
  });
});

test('AWS has a table', () => {
  expect(loadConfig(AWS)).toMatchObject({
    stack: 'stack',
    store: { kind: 'aws', table: 'table', targetSecret: undefined },
    healthPort: 8081,
  });
});

test('a table and a file, or neither, is refused', () => {
  const sentence = 'CDC_TABLE: either this or CDC_DATABASE has to be set, and not both';
  expect(refusal({ ...LOCAL, CDC_TABLE: 't' })).toContain(sentence);
  expect(refusal(rest)).toContain(sentence);
});

test('all that is wrong is told at once, and no value', () => {
  const sentence = refusal({
    ...AWS,
    CDC_GENERATION: 's3cret',
    CDC_SETTINGS: '{"settleMs": "s3cret"}',
    CDC_SOURCE: '{"etcd": {"endpoints": []}, "kafka": {"bootstrap": ["s3cret"]}}',
    CDC_LOG_LEVEL: 's3cret',
    CDC_HEALTH_PORT: 's3cret',
    CDC_TARGET_SECRET: 's3cret',
    CDC_SOURCE_KAFKA_LOGIN: 's3cret',
    CDC_SOURCE_ETCD_KEY: 's3cret',
  });
  for (const name of [
    'CDC_GENERATION',
    'CDC_SETTINGS.settleMs',
    'CDC_LOG_LEVEL',
    'CDC_HEALTH_PORT',
    'CDC_TARGET_SECRET',
    'CDC_SOURCE_KAFKA_LOGIN',
    'CDC_SOURCE_ETCD_KEY',
  ]) {
    expect(sentence).toContain(`${name}: `);
  }
  expect(sentence).not.toContain('s3cret');
});

describe('the credentials of a target on AWS', () => {
  const stored = { CDC_TARGET_SECRET: '{"token": "root:stored", "clientKeyPem": "stored key"}' };

  test.each([
    ['are what was stored with the task', stored, { token: 'root:stored', clientKeyPem: 'stored key' }],
    ['may be all the user’s own', { CDC_TARGET_TOKEN: 'key' }, { token: 'key', clientKeyPem: undefined }],
    [
      'are what was stored, where the user has no own',
      { ...stored, CDC_TARGET_KEY: 'own key' },
      { token: 'root:stored', clientKeyPem: 'own key' },
    ],
    [
      'are the user’s own before what was stored',
      { ...stored, CDC_TARGET_TOKEN: 'own' },
      { token: 'own', clientKeyPem: 'stored key' },
    ],
    [
      'may be a name that was stored and a password of the user’s own',
      { CDC_TARGET_SECRET: '{"token": "root:"}', CDC_TARGET_PASSWORD: 'own' },
      { token: 'root:own', clientKeyPem: undefined },
    ],
  ])('%s', (_, secrets, targetSecret) => {
    expect(loadConfig({ ...AWS, ...secrets }).store).toEqual({ kind: 'aws', table: 'table', targetSecret });
  });
});

test('what was read is taken out of the environment, as far as it may be secret', () => {
  const env: Record<string, string | undefined> = { ...AWS };
  for (const name of Object.values(REPLICATOR_SECRETS)) env[name] = 's3cret';
  forgetSecrets(env);
  expect(JSON.stringify(env)).not.toContain('s3cret');
  expect(env).not.toHaveProperty('CDC_SOURCE');
  expect(env).toMatchObject({ CDC_TASK_ID: 't', CDC_TABLE: 'table' });
});
