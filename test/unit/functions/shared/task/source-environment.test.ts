import { expect, test } from 'vitest';
import { sourceEnvironment } from '#shared/task/source-environment.ts';

const KEY = '-----BEGIN PRIVATE KEY-----';
const CERT = '-----BEGIN CERTIFICATE-----';
const LOGIN = { username: 'reader', password: 's3cret' };

function read(source: object, secrets: Record<string, string> = {}) {
  return sourceEnvironment.safeParse({ CDC_SOURCE: JSON.stringify(source), ...secrets });
}

/** Each variable that is wrong, with the sentence. */
function problems(source: object, secrets: Record<string, string> = {}): string[] {
  const { error } = read(source, secrets);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

const PLAIN = { etcd: { endpoints: ['e:1'] }, kafka: { bootstrap: ['k:1'] } };

test('settings that lack nothing are taken as they are', () => {
  expect(read(PLAIN).data).toMatchObject({
    etcd: { endpoints: ['e:1'], rootPath: 'by-dev' },
    kafka: { bootstrap: ['k:1'] },
  });
});

test('secrets complete the settings', () => {
  const source = {
    etcd: { ...PLAIN.etcd, tls: { ca: CERT, cert: CERT } },
    kafka: { ...PLAIN.kafka, sasl: { mechanism: 'SCRAM-SHA-512' }, tls: { cert: CERT } },
  };
  const secrets = {
    CDC_SOURCE_ETCD_LOGIN: JSON.stringify(LOGIN),
    CDC_SOURCE_ETCD_KEY: KEY,
    CDC_SOURCE_KAFKA_LOGIN: JSON.stringify({ ...LOGIN, engine: 'others put more into it' }),
    CDC_SOURCE_KAFKA_KEY: KEY,
  };
  expect(read(source, secrets).data).toMatchObject({
    etcd: { auth: LOGIN, tls: { ca: CERT, cert: CERT, key: KEY } },
    kafka: { sasl: { mechanism: 'SCRAM-SHA-512', ...LOGIN }, tls: { cert: CERT, key: KEY } },
  });
});

test('Amazon MSK with IAM needs no login and is spoken to over TLS', () => {
  const kafka = { ...PLAIN.kafka, sasl: { mechanism: 'AWS_MSK_IAM', region: 'eu-central-1' } };
  expect(read({ ...PLAIN, kafka }).data?.kafka).toEqual({ ...kafka, tls: {} });
  expect(read({ ...PLAIN, kafka: { ...kafka, tls: { ca: CERT } } }).data?.kafka.tls).toEqual({ ca: CERT });
});

test('what is missing or wrong is told by the name of its variable, and no value', () => {
  const mechanism = { ...PLAIN.kafka, sasl: { mechanism: 'PLAIN' } };
  const told = [
    ...problems({ ...PLAIN, kafka: mechanism }),
    ...problems(PLAIN, { CDC_SOURCE_KAFKA_LOGIN: JSON.stringify(LOGIN) }),
    ...problems(PLAIN, { CDC_SOURCE_ETCD_LOGIN: 's3cret' }),
    ...problems(PLAIN, { CDC_SOURCE_ETCD_LOGIN: '{"user": "s3cret"}' }),
    ...problems(PLAIN, { CDC_SOURCE_KAFKA_KEY: 's3cret' }),
    ...problems({ ...PLAIN, etcd: { ...PLAIN.etcd, tls: { cert: CERT } } }),
    ...problems({ ...PLAIN, s3cret: true }).map((sentence) => sentence.replace('s3cret', 'a key')),
  ];
  expect(told).toEqual([
    expect.stringMatching(/^CDC_SOURCE\.kafka\.sasl\.username: /),
    expect.stringMatching(/^CDC_SOURCE\.kafka\.sasl\.password: /),
    expect.stringMatching(/^CDC_SOURCE\.kafka\.sasl\.mechanism: /),
    'CDC_SOURCE_ETCD_LOGIN: is not JSON',
    expect.stringMatching(/^CDC_SOURCE_ETCD_LOGIN\.username: /),
    expect.stringMatching(/^CDC_SOURCE_ETCD_LOGIN\.password: /),
    'CDC_SOURCE_KAFKA_KEY: is not PEM text',
    expect.stringMatching(/^CDC_SOURCE\.etcd\.tls: cert and key belong together/),
    expect.stringMatching(/^CDC_SOURCE: /),
  ]);
  expect(told.join()).not.toContain('s3cret');
});
