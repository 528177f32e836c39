import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { SASL_MECHANISMS } from '#shared/task/source.ts';
import type { Problems } from './problems.ts';
import { secretArn } from './secret-arn.ts';
import { arn, flag, list, matching, oneOf, text, type Values } from './setting.ts';

const endpoint = matching(
  /^(https?:\/\/)?[^\s/:]+:\d{1,5}$/,
  'must be host:port, several separated by commas',
);
const broker = matching(/^[^\s/:]+:\d{1,5}$/, 'must be host:port, several separated by commas');
const cluster = arn(
  'kafka',
  /[a-z0-9-]+:\d{12}:cluster\/[^/]+\/[^/]+/,
  'arn:aws:kafka:eu-west-1:111122223333:cluster/name/uuid',
);

const AUTH = ['none', 'plain', 'scram-sha-256', 'scram-sha-512', 'msk-iam'] as const;

/** TLS to one of the source's servers, alike for both. */
function tlsSettings(server: string, otherwise: string) {
  return {
    tls: {
      schema: flag.optional(),
      type: 'true, false',
      meaning: `TLS to ${server}`,
      otherwise,
      example: 'true',
    },
    caFile: {
      schema: text.optional(),
      type: 'path',
      meaning: `PEM file with the authorities that signed the certificate of ${server}; it is read at synth`,
      otherwise: "Node's own list",
      example: 'certs/ca.pem',
    },
    certFile: {
      schema: text.optional(),
      type: 'path',
      meaning: `PEM file with the client certificate for ${server}; it is read at synth`,
      example: 'certs/client.pem',
    },
    keySecret: {
      schema: secretArn.optional(),
      type: 'ARN',
      meaning: 'Secret that holds the key of `certFile` as PEM text',
      example: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:client-key-AbCdEf',
    },
    serverName: {
      schema: text.optional(),
      type: 'text',
      meaning: `Name in the certificate of ${server}, where it is not the address`,
      example: 'source.example.com',
    },
  } as const;
}

export const SOURCE_SETTINGS = {
  etcd: {
    endpoints: {
      schema: list(endpoint),
      type: 'list of host:port',
      meaning: 'etcd of the source; several are members of one cluster. Required',
      example: 'etcd-0.milvus:2379,etcd-1.milvus:2379',
    },
    rootPath: {
      schema: text.default('by-dev'),
      type: 'text',
      meaning: "`etcd.rootPath` of the source's `milvus.yaml`",
      example: 'my-release',
    },
    metaSubPath: {
      schema: text.default('meta'),
      type: 'text',
      meaning: "`etcd.metaSubPath` of the source's `milvus.yaml`",
      example: 'meta',
    },
    loginSecret: {
      schema: secretArn.optional(),
      type: 'ARN',
      meaning: 'Secret with the login to etcd: JSON `{"username", "password"}`',
      otherwise: 'no login',
      example: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:etcd-login-AbCdEf',
    },
    ...tlsSettings('etcd', 'on when an endpoint begins with `https://`'),
  },
  kafka: {
    bootstrap: {
      schema: list(broker),
      type: 'list of host:port',
      meaning: 'Some brokers of the Kafka that the source writes its log to. Required',
      example: 'b-1.source.kafka.eu-west-1.amazonaws.com:9096',
    },
    auth: {
      schema: oneOf(AUTH).default('none'),
      type: AUTH.join(', '),
      meaning: 'How replicators log in to Kafka',
      example: 'scram-sha-512',
    },
    loginSecret: {
      schema: secretArn.optional(),
      type: 'ARN',
      meaning: 'Secret with the login to Kafka, JSON `{"username", "password"}`; for `plain` and `scram-…`',
      example: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:AmazonMSK_cdc-AbCdEf',
    },
    clusterArn: {
      schema: cluster.optional(),
      type: 'ARN',
      meaning: 'The MSK cluster, of which replicators may read the topics; for `msk-iam`',
      example: 'arn:aws:kafka:eu-west-1:111122223333:cluster/source/1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809-2',
    },
    ...tlsSettings('Kafka', 'on with a login, off without'),
  },
  replicateChannel: {
    schema: text.default('by-dev-replicate-msg'),
    type: 'text',
    meaning: "Topic of the source's `msgChannel.chanNamePrefix.{cluster}-{replicateMsg}`",
    example: 'by-dev-replicate-msg',
  },
  milvus: {
    uri: {
      schema: matching(
        /^https?:\/\/[^\s/:@]+:\d{1,5}$/,
        'must be http://host:port or https://host:port',
      ).optional(),
      type: 'URI',
      meaning: "The source's own API (not needed yet)",
      example: 'http://milvus.source:19530',
    },
  },
} as const;

type SourceSettings = Values<typeof SOURCE_SETTINGS>;

/** How replicators reach the source. */
export interface SourceConfig {
  /** The shape of `kafkaSourceConfig` without credentials: what lacks is added where it runs, from `secrets`. */
  readonly settings: SourceSettingsJson;
  /** ARNs; each becomes a variable of the container. */
  readonly secrets: {
    readonly etcdLogin?: string | undefined;
    readonly etcdKey?: string | undefined;
    readonly kafkaLogin?: string | undefined;
    readonly kafkaKey?: string | undefined;
  };
  /** ARN of the cluster that replicators log in to with their role. */
  readonly mskCluster?: string | undefined;
}

interface TlsJson {
  readonly ca?: string;
  readonly cert?: string;
  readonly serverName?: string;
}

interface SourceSettingsJson {
  readonly etcd: {
    readonly endpoints: readonly string[];
    readonly rootPath: string;
    readonly metaSubPath: string;
    readonly tls?: TlsJson;
  };
  readonly kafka: {
    readonly bootstrap: readonly string[];
    readonly sasl?: { readonly mechanism: (typeof SASL_MECHANISMS)[number] | 'AWS_MSK_IAM' };
    readonly tls?: TlsJson;
  };
  readonly replicateChannel: string;
  readonly milvus?: { readonly uri: string };
}

interface Context {
  readonly problems: Problems;
  /** What relative paths are relative to. */
  readonly cwd: string;
}

/** Tells `problems` what does not go together; the answer is of use only when there are none. */
export function sourceOf(source: SourceSettings, context: Context): SourceConfig {
  const { etcd, kafka, milvus } = source;
  const { problems } = context;
  if (etcd.endpoints.length === 0) problems.refuse('source.etcd.endpoints', 'is missing: host:port of etcd');
  if (kafka.bootstrap.length === 0) {
    problems.refuse('source.kafka.bootstrap', 'is missing: host:port of the brokers');
  }
  checkAuth(source, problems);
  const etcdTls = tlsOf('source.etcd', { ...etcd, on: etcd.tls ?? isHttps(etcd.endpoints) }, context);
  const kafkaTls = tlsOf('source.kafka', { ...kafka, on: kafka.tls ?? kafka.auth !== 'none' }, context);
  return {
    settings: {
      etcd: {
        endpoints: etcd.endpoints,
        rootPath: etcd.rootPath,
        metaSubPath: etcd.metaSubPath,
        ...(etcdTls && { tls: etcdTls }),
      },
      kafka: {
        bootstrap: kafka.bootstrap,
        ...(kafka.auth !== 'none' && { sasl: { mechanism: MECHANISMS[kafka.auth] } }),
        ...(kafkaTls && { tls: kafkaTls }),
      },
      replicateChannel: source.replicateChannel,
      ...(milvus.uri !== undefined && { milvus: { uri: milvus.uri } }),
    },
    secrets: {
      etcdLogin: etcd.loginSecret,
      etcdKey: etcd.keySecret,
      kafkaLogin: kafka.loginSecret,
      kafkaKey: kafka.keySecret,
    },
    mskCluster: kafka.auth === 'msk-iam' ? kafka.clusterArn : undefined,
  };
}

const MECHANISMS = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
  'msk-iam': 'AWS_MSK_IAM',
} as const;

function isHttps(endpoints: readonly string[]): boolean {
  return endpoints.some((address) => address.startsWith('https://'));
}

function checkAuth({ kafka }: SourceSettings, problems: Problems): void {
  const { auth } = kafka;
  const password = auth === 'plain' || auth.startsWith('scram-');
  if (password && kafka.loginSecret === undefined) {
    problems.refuse(
      'source.kafka.loginSecret',
      `is missing: ${auth} logs in with its user name and password`,
    );
  }
  if (!password && kafka.loginSecret !== undefined) {
    problems.refuse('source.kafka.loginSecret', `is not used with source.kafka.auth ${auth}: take it out`);
  }
  if (auth === 'msk-iam' && kafka.clusterArn === undefined) {
    problems.refuse(
      'source.kafka.clusterArn',
      'is missing: the role of the replicators is allowed to read it',
    );
  }
  if (auth !== 'msk-iam' && kafka.clusterArn !== undefined) {
    problems.refuse('source.kafka.clusterArn', 'is only for source.kafka.auth msk-iam: take it out');
  }
  if (auth === 'msk-iam' && kafka.tls === false) {
    problems.refuse('source.kafka.tls', 'must not be false: msk-iam is spoken over TLS only');
  } else if (auth === 'plain' && kafka.tls === false) {
    problems.warn('source.kafka.tls', 'is false, so the password travels as it is');
  }
}

type TlsValues = Pick<SourceSettings['etcd'], 'tls' | 'caFile' | 'certFile' | 'keySecret' | 'serverName'>;

function tlsOf(
  block: string,
  given: TlsValues & { readonly on: boolean },
  context: Context,
): TlsJson | undefined {
  const { problems } = context;
  if ((given.certFile === undefined) !== (given.keySecret === undefined)) {
    const missing = given.certFile === undefined ? 'certFile' : 'keySecret';
    problems.refuse(`${block}.${missing}`, 'is missing: certFile and keySecret belong together');
  }
  if (!given.on) {
    for (const name of ['caFile', 'certFile', 'keySecret', 'serverName'] as const) {
      if (given[name] !== undefined) problems.refuse(`${block}.${name}`, `needs ${block}.tls`);
    }
    return undefined;
  }
  const ca = pemOf(`${block}.caFile`, given.caFile, context);
  const cert = pemOf(`${block}.certFile`, given.certFile, context);
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(given.serverName !== undefined && { serverName: given.serverName }),
  };
}

/** A task definition holds 64 KiB in all. */
const MAX_PEM = 16_384;

function pemOf(path: string, file: string | undefined, { problems, cwd }: Context): string | undefined {
  if (file === undefined) return undefined;
  let pem = '';
  try {
    pem = readFileSync(resolve(cwd, file), 'utf8');
  } catch {
    problems.refuse(path, `cannot be read: ${file}`);
    return undefined;
  }
  if (pem.includes('PRIVATE KEY')) {
    problems.refuse(path, 'holds a private key, which belongs into a secret: name that with keySecret');
  } else if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
    problems.refuse(path, 'holds no certificate in PEM form');
  } else if (pem.length > MAX_PEM) {
    problems.refuse(path, 'is larger than 16 KB: keep only the authorities that signed this certificate');
  }
  return pem;
}
