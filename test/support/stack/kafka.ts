import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Admin } from '@platformatic/kafka';
import { kafkaJars } from './download/maven.ts';
import { runTool } from './download/tools.ts';
import { freePorts } from './ports.ts';
import type { RunFolder } from './run-folder.ts';
import { type ServerHandle, ServerProcess, serverFolder } from './server-process.ts';

export interface KafkaOptions {
  readonly run: RunFolder;
  /** @default kafka */
  readonly name?: string | undefined;
  /** Lines of server.properties that add to or replace ours, e.g. `{ 'log.retention.ms': '1000' }`. */
  readonly properties?: Readonly<Record<string, string>> | undefined;
}

export interface KafkaServer extends ServerHandle {
  /** `127.0.0.1:<port>`, no TLS, no login. */
  readonly address: string;
}

/** Any id will do: each broker is a cluster of its own. */
const CLUSTER_ID = 'c2VydmVybGVzcy1jZGMtMQ';
const READY_TIMEOUT_MS = 90_000;

/** Starts one Kafka 3.9.1 broker (KRaft, its own controller), on the loopback interface only. */
export async function startKafka(options: KafkaOptions): Promise<KafkaServer> {
  const { run, name = 'kafka' } = options;
  const jars = await kafkaJars();
  const [port, controllerPort] = (await freePorts(2)) as [number, number];
  const folder = serverFolder({ run, name });
  const data = join(folder, 'data');
  const config = join(folder, 'server.properties');
  writeFileSync(
    config,
    propertiesText({ ...properties({ port, controllerPort, data }), ...options.properties }),
  );
  const java = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', join(jars, '*')];
  const format = ['kafka.tools.StorageTool', 'format', '--cluster-id', CLUSTER_ID, '--config', config];
  await runTool({ command: 'java', args: [...java, ...format], cwd: folder, show: false });
  const address = `127.0.0.1:${port}`;
  const server = new ServerProcess({
    name,
    run,
    command: 'java',
    args: ['-Xmx512m', ...java, 'kafka.Kafka', config],
    ready: () => answers(address),
    readyTimeoutMs: READY_TIMEOUT_MS,
  });
  await server.start();
  return Object.assign(server, { address });
}

interface Places {
  readonly port: number;
  readonly controllerPort: number;
  readonly data: string;
}

function properties({ port, controllerPort, data }: Places): Record<string, string> {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': data,
    // A channel is ordered only if its topic, which Milvus lets the broker create, has one partition.
    'num.partitions': '1',
    // Milvus sends up to 5 MB at a time; the broker's default refuses more than 1 MB.
    'message.max.bytes': '10485760',
    'replica.fetch.max.bytes': '10485760',
    'log.retention.ms': '-1',
    // After a kill the new broker is refused until the old one's session has ended (9 s by default).
    'broker.session.timeout.ms': '5000',
    'broker.heartbeat.interval.ms': '1000',
    'offsets.topic.num.partitions': '1',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
  };
}

function propertiesText(entries: Readonly<Record<string, string>>): string {
  return Object.entries(entries)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

async function answers(address: string): Promise<boolean> {
  const admin = new Admin({
    clientId: 'stack',
    bootstrapBrokers: [address],
    retries: 0,
    timeout: 2_000,
    connectTimeout: 1_000,
  });
  try {
    const { brokers } = await admin.metadata({ topics: [] });
    return brokers.size > 0;
  } finally {
    await admin.close();
  }
}
