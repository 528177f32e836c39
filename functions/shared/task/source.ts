import { z } from 'zod';

/** How a replicator reaches the source: what whoever starts one hands over as JSON, and what it parses. The one place
 *  where both sides' shape is written down. */

/** TLS to a server. Each value is PEM text, or the path of a PEM file. An empty object means TLS with the certificate
 *  authorities of the system. */
export const tlsConfig = z
  .strictObject({
    /** Certificate authorities that may have signed the server's certificate. */
    ca: z.string().min(1).optional(),
    /** Client certificate and its key, for servers that ask for one; both or neither. */
    cert: z.string().min(1).optional(),
    key: z.string().min(1).optional(),
    /** Name to expect in the server's certificate, where it differs from the address. */
    serverName: z.string().min(1).optional(),
    /** Oldest version to speak; Node's own default when absent. */
    minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).optional(),
  })
  .refine((value) => (value.cert === undefined) === (value.key === undefined), {
    error: 'cert and key belong together',
  });

/** etcd's keys are compared as bytes; slashes at the ends of a path would silently name another tree. */
const keyPath = z
  .string()
  .transform((path) => path.replace(/^\/+|\/+$/g, ''))
  .refine((path) => path !== '', { error: 'must not be empty' });

export const etcdConfig = z.strictObject({
  /** `host:port`, `http://host:port` or `https://host:port` of some members of one cluster. */
  endpoints: z.array(z.string().min(1)).min(1),
  /** Milvus's `etcd.rootPath`. Operators often set it to the name of the release. */
  rootPath: keyPath.default('by-dev'),
  /** Milvus's `etcd.metaSubPath`. */
  metaSubPath: keyPath.default('meta'),
  auth: z.strictObject({ username: z.string().min(1), password: z.string() }).optional(),
  tls: tlsConfig.optional(),
});

/** The mechanisms that log in with a name and a password. */
export const SASL_MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;

const saslConfig = z.discriminatedUnion('mechanism', [
  z.strictObject({
    mechanism: z.enum(SASL_MECHANISMS),
    username: z.string().min(1),
    password: z.string(),
  }),
  /** Amazon MSK with IAM: the role of whoever connects is the login. */
  z.strictObject({ mechanism: z.literal('AWS_MSK_IAM'), region: z.string().min(1) }),
]);

export const kafkaConfig = z
  .strictObject({
    /** `host:port` of some brokers. */
    bootstrap: z.array(z.string().regex(/^[^\s/]+:\d{1,5}$/, 'must be host:port')).min(1),
    sasl: saslConfig.optional(),
    tls: tlsConfig.optional(),
  })
  // MSK takes IAM over TLS only; a signed token on an open line could be used by whoever reads it.
  .transform((kafka) =>
    kafka.sasl?.mechanism === 'AWS_MSK_IAM' ? { ...kafka, tls: kafka.tls ?? {} } : kafka,
  );

/** The source's own API. Not needed to follow the log; needed to copy what exists and where etcd is behind. */
export const sourceMilvusConfig = z.strictObject({
  /** `http(s)://host:port`. */
  uri: z.string().min(1),
  /** `user:password` or an API key. */
  token: z.string().min(1).optional(),
});

/** What is needed to follow a Milvus 2.3–2.5 whose message queue is Kafka. */
export const kafkaSourceConfig = z.strictObject({
  etcd: etcdConfig,
  kafka: kafkaConfig,
  /** The topic to which the source's proxies write what they did beside rows; Milvus's
   *  `msgChannel.chanNamePrefix.{cluster}-{replicateMsg}`. */
  replicateChannel: z.string().min(1).default('by-dev-replicate-msg'),
  milvus: sourceMilvusConfig.optional(),
});

export type TlsConfig = z.output<typeof tlsConfig>;
export type EtcdConfig = z.output<typeof etcdConfig>;
export type KafkaConfig = z.output<typeof kafkaConfig>;
export type SourceMilvusConfig = z.output<typeof sourceMilvusConfig>;
export type KafkaSourceConfig = z.output<typeof kafkaSourceConfig>;
