import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Admin } from '@platformatic/kafka';
import { kafkaJars } from '../../support/stack/download/maven.ts';
import type { RunFolder } from '../../support/stack/run-folder.ts';
import { ServerProcess, serverFolder } from '../../support/stack/server-process.ts';

export interface BrokerOptions {
  readonly run: RunFolder;
  readonly name: string;
  /** server.properties without `log.dirs`. */
  readonly properties: Readonly<Record<string, string>>;
  /** What else the storage is formatted with. */
  readonly formatWith?: readonly string[] | undefined;
  /** A plain listener that must answer. */
  readonly address: string;
}

const CLUSTER_ID = 'c2VydmVybGVzcy1jZGMtMg';
const run = promisify(execFile);

/** Starts a Kafka broker with settings of its own, for what the shared stack's single plain broker cannot show. */
export async function startBroker(options: BrokerOptions): Promise<ServerProcess> {
  const { name, address } = options;
  const jars = join(await kafkaJars(), '*');
  const home = serverFolder({ run: options.run, name });
  const config = join(home, 'server.properties');
  const lines = { ...options.properties, 'log.dirs': join(home, 'data') };
  writeFileSync(
    config,
    Object.entries(lines)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  );
  const format = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', config];
  await run('java', ['-cp', jars, ...format, ...(options.formatWith ?? [])]);
  const server = new ServerProcess({
    name,
    run: options.run,
    command: 'java',
    args: ['-Xmx384m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', jars, 'kafka.Kafka', config],
    ready: () => answers(address),
    readyTimeoutMs: 60_000,
  });
  await server.start();
  return server;
}

async function answers(address: string): Promise<boolean> {
  const admin = new Admin({
    clientId: 'probe',
    bootstrapBrokers: [address],
    retries: 0,
    connectTimeout: 1_000,
  });
  try {
    return (await admin.metadata({ topics: [] })).brokers.size > 0;
  } finally {
    await admin.close();
  }
}

export interface ClusterMember {
  readonly server: ServerProcess;
  readonly address: string;
}

/** Two brokers; the first one is also the controller, so only the second one may be taken away. */
export async function startTwoBrokers(
  folder: RunFolder,
  ports: readonly number[],
): Promise<readonly [ClusterMember, ClusterMember]> {
  const controller = `127.0.0.1:${ports[2]}`;
  const start = async (id: number): Promise<ClusterMember> => {
    const address = `127.0.0.1:${ports[id - 1]}`;
    const isController = id === 1;
    const server = await startBroker({
      run: folder,
      name: `broker-${id}`,
      address,
      properties: {
        'process.roles': isController ? 'broker,controller' : 'broker',
        'node.id': String(id),
        'controller.quorum.voters': `1@${controller}`,
        listeners: `PLAINTEXT://${address}${isController ? `,CONTROLLER://${controller}` : ''}`,
        'advertised.listeners': `PLAINTEXT://${address}`,
        'controller.listener.names': 'CONTROLLER',
        'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
        'broker.session.timeout.ms': '2000',
        'broker.heartbeat.interval.ms': '500',
        'offsets.topic.replication.factor': '1',
        'replica.lag.time.max.ms': '2000',
      },
    });
    return { server, address };
  };
  const first = await start(1);
  return [first, await start(2)];
}
