/** What becomes of a key of the config file. `used`: read. `idle`: milvus-cdc has it, and it means nothing here. `open`:
 *  read, and what is below it has names of its own. */
export type KeyUse = 'used' | 'idle' | 'open';
export interface KeyTree {
  readonly [key: string]: KeyUse | KeyTree;
}

/** Every key of milvus-cdc's `cdc.yaml` (its structs `CDCServerConfig`, `MilvusSourceConfig`, `EtcdServerConfig`,
 *  `KafkaConfig`), and those that only this program has: `dataDir`, `api`, `sourceConfig.milvus`, TLS for Kafka. */
export const KEYS: KeyTree = {
  address: 'used',
  maxTaskNum: 'used',
  maxNameLength: 'used',
  logLevel: 'used',
  dataDir: 'used',
  api: { oneCollectionPerTask: 'used', showStatus: 'used' },
  dryRun: 'used',
  sourceConfig: {
    etcd: {
      address: 'used',
      rootPath: 'used',
      metaSubPath: 'used',
      enableAuth: 'used',
      username: 'used',
      password: 'used',
      enableTLS: 'used',
      tlsCertPath: 'used',
      tlsKeyPath: 'used',
      tlsCACertPath: 'used',
      tlsMinVersion: 'used',
    },
    // The deprecated spelling of three keys of `etcd`; milvus-cdc lets it win.
    etcdAddress: 'used',
    etcdRootPath: 'used',
    etcdMetaSubPath: 'used',
    replicateChan: 'used',
    pulsar: 'open',
    kafka: {
      address: 'used',
      saslUsername: 'used',
      saslPassword: 'used',
      saslMechanisms: 'used',
      securityProtocol: 'used',
      consumer: 'open',
      producer: 'idle',
      enableTLS: 'used',
      tlsCertPath: 'used',
      tlsKeyPath: 'used',
      tlsCACertPath: 'used',
    },
    milvus: { uri: 'used', token: 'used' },
    readChanLen: 'idle',
    channelNum: 'idle',
    timeTickInterval: 'idle',
    defaultPartitionName: 'idle',
  },
  metaStoreConfig: 'idle',
  packer: 'idle',
  batchMode: 'idle',
  retry: 'idle',
  detectDeadLock: 'idle',
  enableReverse: 'idle',
  reverseMilvus: 'idle',
  currentMilvus: 'idle',
  replicateID: 'idle',
};

/** A config file with its keys in the spelling of {@link KEYS}. */
export interface CanonicalFile {
  readonly values: Record<string, unknown>;
  /** Path in our spelling -> path as it stands in the file. */
  readonly spelling: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
}

/** Keys match in any case, as milvus-cdc's YAML reader has it. What is idle or unknown is left out and told once. */
export function canonicalKeys(file: Readonly<Record<string, unknown>>): CanonicalFile {
  const spelling = new Map<string, string>();
  const warnings: string[] = [];
  const walk = (
    given: Readonly<Record<string, unknown>>,
    tree: KeyTree,
    at: { readonly ours: string; readonly theirs: string },
  ): Record<string, unknown> => {
    const known = new Map(Object.keys(tree).map((key) => [key.toLowerCase(), key]));
    const values: [string, unknown][] = [];
    for (const [key, value] of Object.entries(given)) {
      const name = known.get(key.toLowerCase());
      const use = name === undefined ? undefined : tree[name];
      const theirs = `${at.theirs}${key}`;
      if (name === undefined || use === undefined) {
        warnings.push(`${theirs} is not a known setting and is ignored`);
      } else if (use === 'idle') {
        warnings.push(`${theirs} has no meaning here and is ignored`);
      } else {
        const ours = `${at.ours}${name}`;
        spelling.set(ours, theirs);
        const deeper = typeof use === 'object' && isObject(value);
        values.push([name, deeper ? walk(value, use, { ours: `${ours}.`, theirs: `${theirs}.` }) : value]);
      }
    }
    return Object.fromEntries(values);
  };
  return { values: walk(file, KEYS, { ours: '', theirs: '' }), spelling, warnings };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
