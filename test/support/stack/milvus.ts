import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { milvusFiles } from './download/milvus.ts';
import { etcdConfig, milvusConfig, type Settings } from './milvus-config.ts';
import { freePorts } from './ports.ts';
import type { RunFolder } from './run-folder.ts';
import { type ServerHandle, ServerProcess, serverFolder } from './server-process.ts';

export interface MilvusOptions {
  readonly run: RunFolder;
  /** Unique within the run folder. */
  readonly name: string;
  /** `127.0.0.1:<port>` of the Kafka that holds its log; without it the log is rocksmq, inside Milvus. */
  readonly kafkaAddress?: string | undefined;
  /** `etcd.rootPath`. @default by-dev */
  readonly rootPath?: string | undefined;
  /** First part of the names of its channels. @default by-dev */
  readonly channelPrefix?: string | undefined;
  /** Further milvus.yaml settings, merged over all others, e.g. `{ common: { ttMsgEnabled: false } }`. */
  readonly settings?: Settings | undefined;
}

export interface MilvusServer extends ServerHandle {
  /** `127.0.0.1:<port>`, no TLS; no login unless the settings ask for one. */
  readonly address: string;
  /** `127.0.0.1:<port>` of the etcd inside it. */
  readonly etcdEndpoint: string;
  readonly rootPath: string;
  /** Topic of the mirrored DDL. */
  readonly replicateChannel: string;
}

const READY_TIMEOUT_MS = 180_000;
const BY_DEFAULT = 'by-dev';

/** Starts a Milvus 2.3.5 standalone with its own embedded etcd and local storage. Its gRPC and metrics ports listen on all
 *  interfaces (it has no setting for that); etcd listens on the loopback interface only. */
export async function startMilvus(options: MilvusOptions): Promise<MilvusServer> {
  const { run, name, kafkaAddress, rootPath = BY_DEFAULT, channelPrefix = BY_DEFAULT } = options;
  const files = await milvusFiles();
  const [proxy, etcdClient, etcdPeer, metrics, ...others] = (await freePorts(14)) as [
    number,
    number,
    number,
    number,
  ];
  const ports = { proxy, etcdClient, etcdPeer, other: () => takePort(others) };
  const folder = serverFolder({ run, name });
  const config = join(folder, 'config');
  mkdirSync(config, { recursive: true });
  const base: Settings = {
    etcd: { rootPath },
    common: { chanNamePrefix: { cluster: channelPrefix } },
    mq: { type: kafkaAddress === undefined ? 'rocksmq' : 'kafka' },
    ...(kafkaAddress === undefined ? {} : { kafka: { brokerList: kafkaAddress } }),
  };
  const text = milvusConfig({
    template: files.configTemplate,
    folder,
    ports,
    settings: [base, options.settings ?? {}],
  });
  writeFileSync(join(config, 'milvus.yaml'), text);
  writeFileSync(join(config, 'etcd.yaml'), etcdConfig(ports));
  copyFileSync(files.glogConfig, join(config, 'glog.conf'));
  const server = new ServerProcess({
    name,
    run,
    command: join(files.bin, 'milvus'),
    args: ['run', 'standalone'],
    env: {
      LD_LIBRARY_PATH: files.bin,
      DEPLOY_MODE: 'STANDALONE',
      METRICS_PORT: String(metrics),
      MILVUSCONF: config,
    },
    ready: () => isHealthy(metrics),
    readyTimeoutMs: READY_TIMEOUT_MS,
  });
  await server.start();
  return Object.assign(server, {
    address: `127.0.0.1:${proxy}`,
    etcdEndpoint: `127.0.0.1:${etcdClient}`,
    rootPath,
    replicateChannel: `${channelPrefix}-replicate-msg`,
  });
}

function takePort(ports: number[]): number {
  const port = ports.pop();
  if (port === undefined) throw new Error('the config template asks for more ports than we reserved');
  return port;
}

async function isHealthy(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(2_000) });
  return response.ok && (await response.text()) === 'OK';
}
