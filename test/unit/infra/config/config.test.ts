import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadConfig, type StackConfig } from '../../../../infra/config.ts';
import { ConfigError } from '../../../../infra/local/config/problems.ts';
import { MINIMAL } from '../synth.ts';

const folder = mkdtempSync(join(tmpdir(), 'cdc-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Context = Readonly<Record<string, unknown>>;

function load(context: Context, env: Readonly<Record<string, string>> = {}): StackConfig {
  return loadConfig({ context: { ...MINIMAL, ...context }, env, cwd: folder });
}

/** The sentences of the refusal. */
function refusals(context: Context, env: Readonly<Record<string, string>> = {}): readonly string[] {
  try {
    load(context, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.lines;
    throw error;
  }
  return [];
}

function file(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return name;
}

const NEW_VPC = { 'network.vpcId': null, 'network.subnetIds': null };
const SECRET = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:login-AbCdEf';
const CLUSTER = 'arn:aws:kafka:eu-west-1:111122223333:cluster/source/1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809-2';

test('the least that is said gives a stack with safe defaults', () => {
  expect(load({})).toMatchObject({
    stackName: 'milvus-cdc-prod',
    network: { egress: 'existing', peers: [] },
    replicator: { cpu: 512, memoryMiB: 1_024, architecture: 'ARM64', spot: false },
    image: { kind: 'bundle' },
    api: { access: { kind: 'iam' }, throttle: { rate: 20, burst: 40 } },
    table: { removal: 'retain' },
    logRetentionDays: 30,
    emulation: false,
    example: false,
    warnings: [],
  });
});

test('without any setting the example is shown, and known as such', () => {
  const config = loadConfig({ context: { '@aws-cdk/core:flag': true }, env: { PATH: '/bin' }, cwd: folder });
  expect(config.example).toBe(true);
  expect(config.source.settings.etcd.endpoints).toEqual(['etcd.milvus.internal:2379']);
});

test('the context wins over the environment, and that over the file', () => {
  const config = file(
    'settings.yaml',
    'stage: file\nlogLevel: debug\nreplicator: { cpu: 1024, memory: 4096 }\n',
  );
  const env = { CDC_DEPLOY_STAGE: 'environment', CDC_DEPLOY_REPLICATOR_MEMORY: '8192' };
  expect(load({ config })).toMatchObject({ stackName: 'milvus-cdc-file', logLevel: 'debug' });
  expect(load({ config }, env).stackName).toBe('milvus-cdc-environment');
  expect(load({ config, stage: 'context' }, env)).toMatchObject({
    stackName: 'milvus-cdc-context',
    replicator: { cpu: 1_024, memoryMiB: 8_192 },
  });
});

test('a variable may name the file, and a block of the context is settings like any other', () => {
  file('by-variable.json', '{"stage": "dev"}');
  const config = load({ api: { throttle: { rate: 5 } } }, { CDC_DEPLOY_CONFIG: 'by-variable.json' });
  expect(config).toMatchObject({ stackName: 'milvus-cdc-dev', api: { throttle: { rate: 5, burst: 40 } } });
});

test('everything that is wrong is told at once, each as the operator spelled it', () => {
  const lines = refusals(
    { 'source.kafka.auth': 'scram', netwrok: { egress: 'nat' }, 'network.egres': 'nat', logRetention: '31' },
    { CDC_DEPLOY_STAGE: 'PROD', CDC_DEPLOY_SPOT: 'true' },
  );
  expect(lines).toEqual([
    'CDC_DEPLOY_SPOT is not a known setting',
    'netwrok is not a known setting',
    'network.egres is not a known setting',
    'CDC_DEPLOY_STAGE must be up to 20 small letters, digits and hyphens, the first a letter',
    'logRetention must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653',
    'source.kafka.auth must be one of none, plain, scram-sha-256, scram-sha-512, msk-iam',
  ]);
});

test('what the CDK itself puts into the context is none of ours', () => {
  expect(
    refusals({ 'aws:cdk:bundling-stacks': [], '@aws-cdk/core:x': true, 'availability-zones:account=1': [] }),
  ).toEqual([]);
});

test.each([
  ['missing.yaml', undefined, /missing.yaml cannot be read: ENOENT/],
  ['broken.yaml', 'a: [1', /broken.yaml is not YAML, see line \d/],
  ['list.yaml', '- a', /list.yaml is not a block of settings/],
])('the config file %s is refused with a sentence', (name, content, sentence) => {
  if (content !== undefined) file(name, content);
  expect(refusals({ config: name })).toEqual([expect.stringMatching(sentence)]);
});

test.each<readonly [string, Context, readonly string[]]>([
  [
    'a source that is not named',
    { 'source.etcd.endpoints': null, 'source.kafka.bootstrap': null },
    [
      'source.etcd.endpoints is missing: host:port of etcd',
      'source.kafka.bootstrap is missing: host:port of the brokers',
    ],
  ],
  [
    'no network at all',
    NEW_VPC,
    [
      'network.vpcId is missing: name the VPC to run in, or let the stack make one with network.egress nat, endpoints or public-ip',
    ],
  ],
  [
    'subnets without their VPC',
    { 'network.vpcId': null, 'network.egress': 'nat' },
    ['network.subnetIds needs network.vpcId beside it'],
  ],
  [
    'a VPC without subnets',
    { 'network.subnetIds': null },
    ['network.subnetIds is missing: name the subnets of network.vpcId to run in'],
  ],
  [
    'a NAT gateway for a VPC that is not ours',
    { 'network.egress': 'nat' },
    [
      'network.egress nat makes a VPC of its own: take network.vpcId out, or use existing where that VPC has a way out',
    ],
  ],
  [
    'endpoints without the route tables that lead to them',
    { 'network.egress': 'endpoints' },
    [
      'network.routeTableIds is missing: name the route tables of network.subnetIds, so that S3 and DynamoDB are reached by endpoint',
    ],
  ],
  [
    'a network that is too small',
    { ...NEW_VPC, 'network.egress': 'nat', 'network.cidr': '10.0.0.0/28' },
    ['network.cidr must be an IPv4 block between /16 and /26'],
  ],
  [
    'a port that does not exist',
    { 'network.peerSecurityGroups': 'sg-0123456789abcdef0:99999' },
    ['network.peerSecurityGroups must have ports from 1 to 65535: sg-0123456789abcdef0:99999'],
  ],
  [
    'a login without its secret',
    { 'source.kafka.auth': 'scram-sha-512' },
    ['source.kafka.loginSecret is missing: scram-sha-512 logs in with its user name and password'],
  ],
  [
    'a secret without a login',
    { 'source.kafka.loginSecret': SECRET },
    ['source.kafka.loginSecret is not used with source.kafka.auth none: take it out'],
  ],
  [
    'MSK without its cluster',
    { 'source.kafka.auth': 'msk-iam' },
    ['source.kafka.clusterArn is missing: the role of the replicators is allowed to read it'],
  ],
  [
    'MSK by IAM over an open line',
    { 'source.kafka.auth': 'msk-iam', 'source.kafka.clusterArn': CLUSTER, 'source.kafka.tls': 'false' },
    ['source.kafka.tls must not be false: msk-iam is spoken over TLS only'],
  ],
  [
    'an ARN without the six characters at its end',
    { 'source.etcd.loginSecret': 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:login' },
    [
      'source.etcd.loginSecret must be an ARN like arn:aws:secretsmanager:eu-west-1:111122223333:secret:name-AbCdEf',
    ],
  ],
  [
    'a certificate without its key',
    { 'source.etcd.tls': true, 'source.etcd.certFile': 'cert.pem' },
    [
      'source.etcd.keySecret is missing: certFile and keySecret belong together',
      'source.etcd.certFile cannot be read: cert.pem',
    ],
  ],
  [
    'authorities without TLS',
    { 'source.etcd.caFile': 'ca.pem' },
    ['source.etcd.caFile needs source.etcd.tls'],
  ],
  [
    'a size that Fargate does not have',
    { 'replicator.cpu': 256, 'replicator.memory': 4_096 },
    ['replicator.memory must be from 512 to 2048 in steps of 512 with replicator.cpu 256'],
  ],
  [
    'a tuning that a replicator does not know',
    { 'replicator.settings': '{"setleMs": 1}' },
    ['replicator.settings cannot be used: Unrecognized key: "setleMs"'],
  ],
  [
    'a tuning that is not JSON',
    { 'replicator.settings': 'settleMs=1' },
    ['replicator.settings must be a block of settings, as text: JSON'],
  ],
  [
    'an image that changes under its name',
    { replicatorImage: 'example.com/cdc:latest' },
    ['replicatorImage must name a version: a tag other than latest, or a digest'],
  ],
  [
    'an image without a version',
    { replicatorImage: 'example.com:5000/cdc' },
    ['replicatorImage must name a version: a tag other than latest, or a digest'],
  ],
  [
    'an image that cannot be reached',
    { ...NEW_VPC, 'network.egress': 'endpoints', replicatorImage: 'ghcr.io/me/cdc:1.0.0' },
    ['replicatorImage must be in ECR: with network.egress endpoints replicators reach no other registry'],
  ],
  [
    'tokens of anybody for anything',
    { 'api.authorization': 'jwt' },
    [
      'api.jwt.issuer is missing: api.authorization jwt needs it',
      'api.jwt.audience is missing: tokens made for others would be taken',
      'api.jwt.scopes is missing: every token of the issuer would be taken',
    ],
  ],
  [
    'a protection that does not protect',
    { 'api.jwt.scopes': 'admin' },
    ['api.jwt.scopes is only for api.authorization jwt: take it out, or change that'],
  ],
  [
    'a private endpoint for nobody',
    { 'api.authorization': 'none' },
    ['api.clients is missing: say who may connect, or name api.vpcEndpointId'],
  ],
  [
    'a public name for a private endpoint',
    { 'api.authorization': 'none', 'api.clients': '10.0.0.0/8', 'api.domain.name': 'cdc.example.com' },
    [
      'api.domain.name cannot be had with api.authorization none: the endpoint is private',
      'api.domain.certificateArn is missing beside api.domain.name',
    ],
  ],
  [
    'a name without a certificate',
    { 'api.domain.name': 'cdc.example.com' },
    ['api.domain.certificateArn is missing beside api.domain.name'],
  ],
  [
    'the destruction of a table that the stack does not own',
    { existingTable: 'tasks', removalPolicy: 'destroy' },
    ['removalPolicy must not be destroy with existingTable: the stack does not own that table'],
  ],
  [
    'two ways to be alarmed',
    { 'alarms.email': 'a@example.com', 'alarms.topicArn': 'arn:aws:sns:eu-west-1:111122223333:on-call' },
    ['alarms.email cannot be had beside alarms.topicArn: subscribe the mailbox to that topic'],
  ],
  [
    'more targets than fit',
    { allowedTargets: 'x'.repeat(2_001) },
    ['allowedTargets must be shorter than 2000 characters: use * or IPv4 blocks'],
  ],
])('%s is refused', (_what, context, lines) => {
  expect(refusals(context)).toEqual(lines);
});

test('secrets are named and never part of the settings that a replicator is handed', () => {
  const { source } = load({
    'source.etcd.loginSecret': SECRET,
    'source.kafka.auth': 'scram-sha-512',
    'source.kafka.loginSecret': SECRET,
  });
  expect(source).toEqual({
    settings: {
      etcd: { endpoints: ['etcd.example.com:2379'], rootPath: 'by-dev', metaSubPath: 'meta' },
      kafka: { bootstrap: ['kafka.example.com:9092'], sasl: { mechanism: 'SCRAM-SHA-512' }, tls: {} },
      replicateChannel: 'by-dev-replicate-msg',
    },
    secrets: { etcdLogin: SECRET, kafkaLogin: SECRET },
  });
});

test('MSK by IAM is asked in the region of the cluster', () => {
  const { source } = load({ 'source.kafka.auth': 'msk-iam', 'source.kafka.clusterArn': CLUSTER });
  expect(source.settings.kafka).toMatchObject({
    sasl: { mechanism: 'AWS_MSK_IAM', region: 'eu-west-1' },
    tls: {},
  });
  expect(source.mskCluster).toBe(CLUSTER);
});

test('certificates are read at synth, and a private key among them is refused', () => {
  const caFile = file('ca.pem', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n');
  const { source } = load({
    'source.etcd.endpoints': 'https://etcd.example.com:2379',
    'source.etcd.caFile': caFile,
  });
  expect(source.settings.etcd.tls?.ca).toContain('MIIB');
  const keyFile = file('key.pem', '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n');
  expect(refusals({ 'source.etcd.tls': true, 'source.etcd.caFile': keyFile })).toEqual([
    'source.etcd.caFile holds a private key, which belongs into a secret: name that with keySecret',
  ]);
});

test('a password over an open line is allowed and warned about', () => {
  const { warnings } = load({
    'source.kafka.auth': 'plain',
    'source.kafka.loginSecret': SECRET,
    'source.kafka.tls': false,
  });
  expect(warnings).toEqual(['source.kafka.tls is false, so the password travels as it is']);
});

test('an image in ECR is known by its repository', () => {
  const name = '111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/milvus-cdc:1.4.0';
  const repositoryArn = 'arn:aws:ecr:eu-west-1:111122223333:repository/team/milvus-cdc';
  expect(load({ replicatorImage: name }).image).toEqual({ kind: 'ecr', name, repositoryArn });
  expect(load({ replicatorImage: 'ghcr.io/me/cdc:1.0.0' }).image).toEqual({
    kind: 'registry',
    name: 'ghcr.io/me/cdc:1.0.0',
  });
});

test('lists, pairs, numbers and flags are read from text as from YAML', () => {
  const asText = load({
    tags: 'team=search,note=a=b',
    allowedTargets: '*.example.com, 10.0.0.0/8',
    'api.maxTasks': '5',
    'replicator.spot': 'TRUE',
    'network.peerSecurityGroups': 'sg-0123456789abcdef0:9092-9096',
  });
  const asYaml = load({
    config: file(
      'typed.yaml',
      `tags: { team: search, note: a=b }
allowedTargets: ['*.example.com', 10.0.0.0/8]
api: { maxTasks: 5 }
replicator: { spot: true }
network: { peerSecurityGroups: ['sg-0123456789abcdef0:9092-9096'] }
`,
    ),
  });
  expect(asText).toEqual(asYaml);
  expect(asText.network.peers).toEqual([
    { securityGroupId: 'sg-0123456789abcdef0', fromPort: 9_092, toPort: 9_096 },
  ]);
});
