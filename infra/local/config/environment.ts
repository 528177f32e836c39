import { REPLICATOR_ENV } from '#shared/names.ts';
import { isObject } from './keys.ts';

type Reading = 'text' | 'number' | 'list' | 'flag';

interface Override {
  /** Path in the config file. */
  readonly path: string;
  readonly as: Reading;
}

/** Environment variables that replace a setting of the config file. */
export const OVERRIDES: Readonly<Record<string, Override>> = {
  CDC_ADDRESS: { path: 'address', as: 'text' },
  CDC_DATA_DIR: { path: 'dataDir', as: 'text' },
  CDC_MAX_TASK_NUM: { path: 'maxTaskNum', as: 'number' },
  CDC_MAX_NAME_LENGTH: { path: 'maxNameLength', as: 'number' },
  CDC_LOG_LEVEL: { path: 'logLevel', as: 'text' },
  CDC_ONE_COLLECTION_PER_TASK: { path: 'api.oneCollectionPerTask', as: 'flag' },
  CDC_SHOW_STATUS: { path: 'api.showStatus', as: 'flag' },
  CDC_ETCD_ADDRESS: { path: 'sourceConfig.etcd.address', as: 'list' },
  CDC_ETCD_ROOT_PATH: { path: 'sourceConfig.etcd.rootPath', as: 'text' },
  CDC_ETCD_META_SUB_PATH: { path: 'sourceConfig.etcd.metaSubPath', as: 'text' },
  CDC_ETCD_ENABLE_AUTH: { path: 'sourceConfig.etcd.enableAuth', as: 'flag' },
  CDC_ETCD_USERNAME: { path: 'sourceConfig.etcd.username', as: 'text' },
  CDC_ETCD_PASSWORD: { path: 'sourceConfig.etcd.password', as: 'text' },
  CDC_KAFKA_ADDRESS: { path: 'sourceConfig.kafka.address', as: 'text' },
  CDC_KAFKA_SECURITY_PROTOCOL: { path: 'sourceConfig.kafka.securityProtocol', as: 'text' },
  CDC_KAFKA_SASL_MECHANISMS: { path: 'sourceConfig.kafka.saslMechanisms', as: 'text' },
  CDC_KAFKA_SASL_USERNAME: { path: 'sourceConfig.kafka.saslUsername', as: 'text' },
  CDC_KAFKA_SASL_PASSWORD: { path: 'sourceConfig.kafka.saslPassword', as: 'text' },
  CDC_REPLICATE_CHAN: { path: 'sourceConfig.replicateChan', as: 'text' },
  CDC_SOURCE_MILVUS_URI: { path: 'sourceConfig.milvus.uri', as: 'text' },
  CDC_SOURCE_MILVUS_TOKEN: { path: 'sourceConfig.milvus.token', as: 'text' },
};

/** Set for a replicator by whoever starts it; the control plane may have inherited them. */
const OTHERS: ReadonlySet<string> = new Set(['CDC_CONFIG', ...Object.values(REPLICATOR_ENV)]);

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Overridden {
  readonly values: Record<string, unknown>;
  /** Path -> the variable that set it. */
  readonly variables: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
}

/** Puts the environment's settings over the file's. An empty variable counts as not set. */
export function override(values: Readonly<Record<string, unknown>>, env: Environment): Overridden {
  const variables = new Map<string, string>();
  let result: Record<string, unknown> = { ...values };
  for (const [name, { path, as }] of Object.entries(OVERRIDES)) {
    const value = env[name];
    if (value === undefined || value === '') continue;
    variables.set(path, name);
    result = withValue(result, path.split('.'), read(value, as));
  }
  const warnings = Object.keys(env)
    .filter((name) => name.startsWith('CDC_') && !Object.hasOwn(OVERRIDES, name) && !OTHERS.has(name))
    .map((name) => `${name} is not a known setting and is ignored`);
  return { values: result, variables, warnings };
}

/** What cannot be read stays text, and the check of the setting says what it should have been. */
function read(value: string, as: Reading): unknown {
  switch (as) {
    case 'text':
      return value;
    case 'number':
      return /^-?\d+$/.test(value) ? Number(value) : value;
    case 'list':
      return value.split(',').map((part) => part.trim());
    case 'flag':
      return FLAGS.get(value.toLowerCase()) ?? value;
  }
}

const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

function withValue(
  object: Readonly<Record<string, unknown>>,
  path: readonly string[],
  value: unknown,
): Record<string, unknown> {
  const [key = '', ...rest] = path;
  const inner = object[key];
  return {
    ...object,
    [key]: rest.length === 0 ? value : withValue(isObject(inner) ? inner : {}, rest, value),
  };
}
