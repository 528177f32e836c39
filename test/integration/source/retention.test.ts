import { randomUUID } from 'node:crypto';
import { Admin } from '@platformatic/kafka';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kafkaConfig } from '#shared/task/source.ts';
import { readRetention } from '../../../replicator/source/kafka/retention.ts';
import { freePorts } from '../../support/stack/ports.ts';
import { RunFolder } from '../../support/stack/run-folder.ts';
import { startBroker } from './kafka-cluster.ts';

/** What a real broker tells of how long it keeps its topics, and to whom. */

const run = new RunFolder();
const HOUR = 3_600_000;
const LOGIN = { username: 'reader', password: 'a-secret-of-the-reader' };
const SECURITY = 'org.apache.kafka.common.security';
let plain: string;
let sasl: string;
let admin: Admin;

/** A broker on which everything is allowed without a login, and nothing with one. */
beforeAll(async () => {
  const ports = await freePorts(3);
  plain = `127.0.0.1:${ports[0]}`;
  sasl = `127.0.0.1:${ports[1]}`;
  const controller = `127.0.0.1:${ports[2]}`;
  const server = await startBroker({
    run,
    name: 'kafka-of-retention',
    address: plain,
    properties: {
      'process.roles': 'broker,controller',
      'node.id': '1',
      'controller.quorum.voters': `1@${controller}`,
      listeners: `PLAINTEXT://${plain},SASL://${sasl},CONTROLLER://${controller}`,
      'advertised.listeners': `PLAINTEXT://${plain},SASL://${sasl}`,
      'controller.listener.names': 'CONTROLLER',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT',
      'listener.name.sasl.sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.sasl.plain.sasl.jaas.config': `${SECURITY}.plain.PlainLoginModule required user_${LOGIN.username}="${LOGIN.password}";`,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
      'offsets.topic.replication.factor': '1',
      'log.retention.hours': '36',
    },
  });
  admin = new Admin({ clientId: 'test', bootstrapBrokers: [plain] });
  return async () => {
    await admin.close();
    await server.stop();
  };
});
afterAll(() => run.remove());

async function topic(configs: Readonly<Record<string, string>> = {}): Promise<string> {
  const name = `topic-${randomUUID()}`;
  const list = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
  await admin.createTopics({ topics: [name], partitions: 1, replicas: 1, configs: list });
  return name;
}

function ask(topics: readonly string[], more: object = {}, address = plain) {
  const config = kafkaConfig.parse({ bootstrap: [address], ...more });
  return readRetention(config, topics, AbortSignal.timeout(30_000));
}

test('a topic without settings of its own keeps what the broker keeps', async () => {
  expect(await ask([await topic()])).toEqual({ ms: 36 * HOUR, bytes: null });
});

test('of several topics the shortest counts, of many too', async () => {
  const names = await Promise.all(Array.from({ length: 20 }, () => topic()));
  const short = await topic({ 'retention.ms': String(2 * HOUR) });
  const small = await topic({ 'retention.bytes': '1048576' });
  expect(await ask([...names, short, small])).toEqual({ ms: 2 * HOUR, bytes: 1_048_576 });
});

test('a topic that is kept for ever has no limit', async () => {
  expect(await ask([await topic({ 'retention.ms': '-1' })])).toEqual({ ms: null, bytes: null });
});

test('a topic that is not there keeps nothing', async () => {
  expect(await ask([await topic(), 'nowhere'])).toEqual({ ms: 0, bytes: null });
});

test('a login without the right to ask is told in one sentence, without its password', async () => {
  const login = { sasl: { mechanism: 'PLAIN', ...LOGIN } };
  const failure = await ask([await topic()], login, sasl).catch((error: unknown) => error);
  expect(failure).toMatchObject({
    name: 'SourceUnavailableError',
    message: expect.stringMatching(
      /^Kafka at 127\.0\.0\.1:\d+ does not tell how long it keeps its log: .*uthoriz/,
    ),
  });
  expect(String(failure)).not.toContain(LOGIN.password);
});

test('a broker that is away is told within the time there is', async () => {
  const failure = await ask(['any'], {}, '127.0.0.1:1').catch((error: unknown) => error);
  expect(failure).toMatchObject({ name: 'SourceUnavailableError' });
});
