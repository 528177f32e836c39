import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

/** A tree of milvus.yaml settings. */
export interface Settings {
  readonly [key: string]: string | number | boolean | readonly string[] | Settings;
}

export interface MilvusPorts {
  readonly proxy: number;
  readonly etcdClient: number;
  readonly etcdPeer: number;
  /** For every other `…_port` of the template. */
  readonly other: () => number;
}

export interface ConfigOptions {
  /** Path of the wheel's config.yaml.template. */
  readonly template: string;
  readonly folder: string;
  readonly ports: MilvusPorts;
  /** Merged over the template and our own settings, in this order. */
  readonly settings: readonly Settings[];
}

/** The components that speak gRPC with each other. They listen on all interfaces whatever we say (2.3.5 knows only a port);
 *  `ip` is where they send each other. */
const COMPONENTS = ['proxy', 'rootCoord', 'dataCoord', 'queryCoord', 'dataNode', 'queryNode', 'indexNode'];

/** How long a Milvus that was killed is still taken for alive: until then its successor writes but does not query. And how
 *  long a frozen one may be frozen: after that it has lost its sessions and does not recover. Milvus's own default is 30. */
export const SESSION_TTL_SECONDS = 10;

/** The text of milvus.yaml: the template with its `{{ name(type): default }}` places filled in, and the settings. */
export function milvusConfig(options: ConfigOptions): string {
  const { ports, folder } = options;
  const places: Record<string, string | number> = {
    etcd_port: ports.etcdClient,
    proxy_port: ports.proxy,
    etcd_data_dir: join(folder, 'etcd'),
    etcd_log_path: join(folder, 'etcd.log'),
    local_storage_dir: join(folder, 'data'),
    rocksmq_data_dir: join(folder, 'rocksmq'),
    // No log files beside standard output, which is our log file.
    system_log_path: '""',
  };
  const filled = readFileSync(options.template, 'utf8').replace(
    /\{\{\s*(\w+)(?:\(\w+\))?\s*(?::\s*(.*?))?\s*\}\}/g,
    (_, name: string, byDefault: string | undefined) => {
      const value = places[name] ?? (name.endsWith('_port') ? ports.other() : byDefault);
      if (value === undefined) throw new Error(`the config template asks for ${name}, which we do not know`);
      return String(value);
    },
  );
  const ours: Settings = {
    etcd: {
      endpoints: `127.0.0.1:${ports.etcdClient}`,
      config: { path: join(folder, 'config', 'etcd.yaml') },
    },
    quotaAndLimits: { enabled: false },
    log: { level: 'warn' },
    common: { session: { ttl: SESSION_TTL_SECONDS } },
    ...Object.fromEntries(COMPONENTS.map((name) => [name, { ip: '127.0.0.1' }])),
  };
  return stringify([ours, ...options.settings].reduce(merge, parse(filled) as Settings));
}

/** The text of the embedded etcd's own configuration, without which it listens on 2379 and 2380 on all interfaces. */
export function etcdConfig({ etcdClient, etcdPeer }: MilvusPorts): string {
  const client = `http://127.0.0.1:${etcdClient}`;
  const peer = `http://127.0.0.1:${etcdPeer}`;
  return stringify({
    name: 'default',
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `default=${peer}`,
  });
}

function merge(base: Settings, over: Settings): Settings {
  const result: Record<string, Settings[string]> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = result[key];
    result[key] = isTree(before) && isTree(value) ? merge(before, value) : value;
  }
  return result;
}

function isTree(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
