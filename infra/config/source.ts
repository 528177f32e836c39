import type { SASL_MECHANISMS } from '#shared/task/source.ts';
import type { Problems } from './problems.ts';
import { secretArn } from './secret-arn.ts';
import { arn, list, matching, oneOf, text, type Values } from './setting.ts';
import { type TlsContext, type TlsJson, tlsOf, tlsSettings } from './tls.ts';

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

interface SourceSettingsJson {
  readonly etcd: {
    readonly endpoints: readonly string[];
    readonly rootPath: string;
    readonly metaSubPath: string;
    readonly tls?: TlsJson;
  };
  readonly kafka: {
    readonly bootstrap: readonly string[];
    readonly sasl?:
      | { readonly mechanism: (typeof SASL_MECHANISMS)[number] }
      | { readonly mechanism: 'AWS_MSK_IAM'; readonly region: string };
    readonly tls?: TlsJson;
  };
  readonly replicateChannel: string;
  readonly milvus?: { readonly uri: string };
}

/** Tells `problems` what does not go together; the answer is of use only when there are none. */
export function sourceOf(source: SourceSettings, context: TlsContext): SourceConfig {
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
        ...(kafka.auth !== 'none' && { sasl: saslOf(kafka.auth, kafka.clusterArn) }),
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

function saslOf(auth: Exclude<SourceSettings['kafka']['auth'], 'none'>, clusterArn = '') {
  if (auth !== 'msk-iam') return { mechanism: MECHANISMS[auth] };
  // arn:aws:kafka:REGION:…
  return { mechanism: 'AWS_MSK_IAM', region: clusterArn.split(':')[3] ?? '' } as const;
}

const MECHANISMS = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
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
