import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { kafkaSourceConfig } from '#shared/task/source.ts';
import { ConfigError } from '../../../../infra/local/config/problems.ts';
import { loadConfig } from '../../../../infra/local/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'cdc-config-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

function load(content: object | string | undefined, env: Record<string, string> = {}) {
  if (content === undefined) return loadConfig({ env, cwd: folder });
  const file = `cdc-${++files}.yaml`;
  writeFileSync(join(folder, file), typeof content === 'string' ? content : stringify(content));
  return loadConfig({ file, env, cwd: folder });
}

function problems(content: object | string | undefined, env: Record<string, string> = {}): readonly string[] {
  try {
    load(content, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.lines;
    throw error;
  }
  throw new Error('the settings were accepted');
}

const KAFKA = { sourceConfig: { kafka: { address: 'k1:9092,k2:9092' } } };

/** milvus-cdc's file as it comes, with its Kafka block instead of the one for Pulsar. */
const STOCK = {
  address: '0.0.0.0:8444',
  maxTaskNum: 100,
  metaStoreConfig: {
    storeType: 'etcd',
    etcd: { address: ['http://127.0.0.1:2379'] },
    rootPath: 'cdc-by-dev',
  },
  sourceConfig: {
    etcd: {
      address: ['http://127.0.0.1:2379'],
      rootPath: 'by-dev',
      metaSubPath: 'meta',
      enableAuth: false,
      username: 'root',
      password: 'root123456',
      enableTLS: false,
      tlsCertPath: 'deployment/cert/client.pem',
      tlsKeyPath: 'deployment/cert/client.key',
      tlsCACertPath: 'deployment/cert/ca.pem',
      tlsMinVersion: 1.3,
    },
    readChanLen: 4,
    defaultPartitionName: '_default',
    replicateChan: 'by-dev-replicate-msg',
    kafka: { address: '127.0.0.1:9092' },
  },
  maxNameLength: 256,
  logLevel: 'info',
  detectDeadLock: false,
  batchMode: true,
};

test('milvus-cdc’s own file is honoured, and what has no meaning is told once', () => {
  const { warnings, ...config } = load(STOCK);
  expect(config).toEqual({
    listen: { host: '0.0.0.0', port: 8444 },
    dataDir: join(folder, '.data'),
    maxTasks: 100,
    maxNameLength: 256,
    oneCollectionPerTask: false,
    showStatus: true,
    logLevel: 'info',
    source: {
      etcd: { endpoints: ['http://127.0.0.1:2379'], rootPath: 'by-dev', metaSubPath: 'meta' },
      kafka: { bootstrap: ['127.0.0.1:9092'] },
      replicateChannel: 'by-dev-replicate-msg',
    },
  });
  expect(warnings).toEqual(
    [
      'metaStoreConfig',
      'sourceConfig.readChanLen',
      'sourceConfig.defaultPartitionName',
      'detectDeadLock',
      'batchMode',
    ].map((key) => `${key} has no meaning here and is ignored`),
  );
});

test('without a file this machine is served, and the neighbours are where they are by default', () => {
  expect(load(undefined)).toMatchObject({
    listen: { host: '127.0.0.1', port: 8444 },
    source: { etcd: { endpoints: ['127.0.0.1:2379'] }, kafka: { bootstrap: ['127.0.0.1:9092'] } },
    warnings: [],
  });
});

test('keys match in any case, unknown ones are told as they stand in the file', () => {
  const config = load({ MAXTASKNUM: 7, sourceconfig: { KAFKA: { Address: 'k:1' }, typo: 1 }, packer: null });
  expect(config).toMatchObject({ maxTasks: 7, source: { kafka: { bootstrap: ['k:1'] } } });
  expect(config.warnings).toEqual([
    'sourceconfig.typo is not a known setting and is ignored',
    'packer has no meaning here and is ignored',
  ]);
});

test('a Pulsar source is refused with a sentence, also beside Kafka', () => {
  const pulsar = { address: 'pulsar://localhost:6650' };
  for (const sourceConfig of [{ pulsar }, { pulsar, kafka: { address: 'k:1' } }]) {
    expect(problems({ sourceConfig })).toEqual([
      'sourceConfig.pulsar cannot be honoured: this release reads the log from Kafka; ' +
        'take the block out and set sourceConfig.kafka.address',
    ]);
  }
  expect(load({ sourceConfig: { pulsar: { address: '' }, kafka: { address: 'k:1' } } }).warnings).toEqual([]);
});

test('everything that is wrong is told at once, by the name it was given', () => {
  expect(
    problems(
      { maxtasknum: 'many', sourceConfig: { ETCD: { address: [1], enableAuth: 'yes' }, kafka: 'k:1' } },
      { CDC_MAX_NAME_LENGTH: 'long' },
    ).toSorted(),
  ).toEqual([
    'CDC_MAX_NAME_LENGTH must be a whole number',
    'maxtasknum must be a whole number',
    'sourceConfig.ETCD.address must be a list of addresses',
    'sourceConfig.ETCD.enableAuth must be true or false',
    'sourceConfig.kafka must be a block of settings',
  ]);
  expect(
    problems({
      address: '8444',
      dryRun: true,
      sourceConfig: {
        etcd: { rootPath: '/', enableAuth: true, enableTLS: true, tlsCACertPath: 'nowhere.pem' },
        kafka: { address: 'http://k:1', securityProtocol: 'SASL_SSL', saslMechanisms: 'GSSAPI' },
        milvus: { token: 'x' },
      },
    }).toSorted(),
  ).toEqual([
    'address must be host:port',
    'dryRun cannot be honoured: a create is asked for one, with `dry_run`',
    'sourceConfig.etcd.rootPath must not be empty',
    'sourceConfig.etcd.tlsCACertPath cannot be read: nowhere.pem',
    'sourceConfig.etcd.username is missing, and enableAuth asks for it',
    'sourceConfig.kafka.address must be host:port, several separated by commas',
    'sourceConfig.kafka.saslMechanisms cannot be honoured: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 can',
    'sourceConfig.kafka.saslUsername is missing: the protocol asks for a login',
    'sourceConfig.milvus.uri is missing beside the token',
  ]);
});

test('a file without Kafka is refused', () => {
  expect(problems({ maxTaskNum: 1 })).toEqual([
    'sourceConfig.kafka.address is missing: the log of the source is read from Kafka',
  ]);
});

test('a file that cannot be read or is not YAML is told without its content', () => {
  expect(() => loadConfig({ file: 'none.yaml', env: {}, cwd: folder })).toThrow(
    'the config file none.yaml cannot be read: ENOENT',
  );
  expect(problems('a: 1\npassword: "s3cret\nb: [')[0]).toMatch(
    /^the config file .* is not YAML, see line \d+$/,
  );
  expect(problems('- 1')[0]).toMatch(/is not a block of settings$/);
});

test('the environment overrides the file; a variable that is not known is told', () => {
  const config = load(KAFKA, {
    CDC_ADDRESS: ':9000',
    CDC_DATA_DIR: '/var/lib/cdc',
    CDC_MAX_TASK_NUM: '3',
    CDC_ETCD_ADDRESS: 'e1:2379, e2:2379',
    CDC_ETCD_ROOT_PATH: '/other/',
    CDC_KAFKA_ADDRESS: '',
    CDC_ONE_COLLECTION_PER_TASK: 'true',
    CDC_SHOW_STATUS: '0',
    CDC_SOURCE_MILVUS_URI: 'http://m:19530',
    CDC_TYPO: 'x',
    CDC_TASK_ID: 'of a replicator',
    OTHER: 'x',
  });
  expect(config).toMatchObject({
    listen: { port: 9000 },
    dataDir: '/var/lib/cdc',
    maxTasks: 3,
    oneCollectionPerTask: true,
    showStatus: false,
    source: {
      etcd: { endpoints: ['e1:2379', 'e2:2379'], rootPath: 'other' },
      kafka: { bootstrap: ['k1:9092', 'k2:9092'] },
      milvus: { uri: 'http://m:19530' },
    },
    warnings: ['CDC_TYPO is not a known setting and is ignored'],
  });
});

test('login and TLS of etcd and Kafka are handed over', () => {
  for (const name of ['ca', 'crt', 'key']) writeFileSync(join(folder, name), '');
  const tls = { enableTLS: true, tlsCACertPath: 'ca', tlsCertPath: 'crt', tlsKeyPath: 'key' };
  const files = { ca: join(folder, 'ca'), cert: join(folder, 'crt'), key: join(folder, 'key') };
  const { source, warnings } = load({
    sourceConfig: {
      etcd: {
        address: ['e:1'],
        enableAuth: true,
        username: 'root',
        password: 'pw',
        ...tls,
        tlsMinVersion: '1.1',
      },
      kafka: {
        address: 'k:1',
        saslUsername: 'u',
        saslPassword: 'p',
        saslMechanisms: 'scram-sha-512',
        securityProtocol: 'sasl_ssl',
        tlsCACertPath: 'ca',
      },
    },
  });
  expect(source).toMatchObject({
    etcd: { auth: { username: 'root', password: 'pw' }, tls: { ...files, minVersion: 'TLSv1.2' } },
    kafka: { sasl: { mechanism: 'SCRAM-SHA-512', username: 'u', password: 'p' }, tls: { ca: files.ca } },
  });
  expect(warnings).toEqual([
    'sourceConfig.etcd.tlsMinVersion is raised to 1.2, older versions are not spoken',
  ]);
  expect(kafkaSourceConfig.parse(JSON.parse(JSON.stringify(source)))).toEqual(source);
});

test('librdkafka’s properties are honoured where they concern security, refused or told where they cannot be', () => {
  writeFileSync(join(folder, 'ca2'), '');
  const kafka = (consumer: object) => ({ sourceConfig: { kafka: { address: 'k:1', consumer } } });
  const { source, warnings } = load(
    kafka({ 'security.protocol': 'SSL', 'ssl.ca.location': 'ca2', 'fetch.min.bytes': 1 }),
  );
  expect(source.kafka.tls).toEqual({ ca: join(folder, 'ca2') });
  expect(warnings).toEqual([
    'sourceConfig.kafka.consumer.fetch.min.bytes has no meaning here and is ignored',
  ]);
  expect(problems(kafka({ 'ssl.endpoint.identification.algorithm': 'none' }))).toEqual([
    'sourceConfig.kafka.consumer.ssl.endpoint.identification.algorithm cannot be honoured',
  ]);
});

test('a user name for Kafka needs a protocol: what it would mean is not guessed', () => {
  expect(
    problems({ sourceConfig: { kafka: { address: 'k:1', saslUsername: 'u', saslPassword: 'p' } } }),
  ).toEqual([
    'sourceConfig.kafka.securityProtocol is missing beside saslUsername: SASL_SSL or SASL_PLAINTEXT',
  ]);
});

test('a certificate without its key is refused', () => {
  const etcd = { enableTLS: true, tlsCertPath: 'crt' };
  expect(problems({ sourceConfig: { etcd, kafka: { address: 'k:1' } } })).toContain(
    'sourceConfig.etcd.tlsKeyPath is missing beside tlsCertPath',
  );
});

test('the deprecated keys of etcd win', () => {
  const sourceConfig = {
    etcdAddress: ['old:1'],
    etcdRootPath: 'r',
    etcd: { address: ['new:1'] },
    kafka: { address: 'k:1' },
  };
  expect(load({ sourceConfig }).source.etcd).toEqual({
    endpoints: ['old:1'],
    rootPath: 'r',
    metaSubPath: 'meta',
  });
});

test.each([
  ['debug', 'debug'],
  ['WARN', 'warn'],
  ['panic', 'fatal'],
  ['loud', 'info'],
])('the log level %s is %s', (given, level) => {
  expect(load({ ...KAFKA, logLevel: given }).logLevel).toBe(level);
});

test.each([
  ['127.0.0.1:1', { host: '127.0.0.1', port: 1 }],
  ['localhost:8080', { host: 'localhost', port: 8080 }],
  [':8444', { port: 8444 }],
  ['[::1]:8444', { host: '::1', port: 8444 }],
])('%s is listened on as %j', (address, listen) => {
  expect(load({ ...KAFKA, address }).listen).toEqual(listen);
});

test.each([0, 5])('maxTaskNum %d is taken as it is', (maxTaskNum) => {
  expect(load({ ...KAFKA, maxTaskNum }).maxTasks).toBe(maxTaskNum);
});
