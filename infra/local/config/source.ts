import { type KafkaSourceConfig, SASL_MECHANISMS, type TlsConfig } from '#shared/task/source.ts';
import { resolveConsumer } from './kafka-consumer.ts';
import type { Problems } from './problems.ts';
import type { EtcdSettings, KafkaSettings, SourceSettings } from './schema.ts';

/** Where a Milvus and its neighbours listen when nobody says otherwise. */
const DEFAULT_ETCD = '127.0.0.1:2379';
const DEFAULT_KAFKA = '127.0.0.1:9092';

export interface SourceContext {
  readonly problems: Problems;
  /** Absolute path of a file named in the settings, or undefined when it cannot be read. */
  readonly findFile: (path: string) => string | undefined;
  /** True when there is a config file: then the source is what it says, and a missing Kafka is a mistake. */
  readonly configured: boolean;
}

/** Turns `sourceConfig` into what a replicator is handed. Tells the context's problems what cannot be honoured; the
 *  answer is of use only when there are none. */
export function sourceOf(source: SourceSettings, context: SourceContext): KafkaSourceConfig {
  const pulsar = refusePulsar(source, context);
  const { uri, token } = source.milvus;
  if (token !== undefined && uri === undefined) {
    context.problems.refuse('sourceConfig.milvus.uri', 'is missing beside the token');
  }
  if (source.replicateChan === '') {
    context.problems.refuse('sourceConfig.replicateChan', 'must not be empty');
  }
  return {
    etcd: etcdOf(source, context),
    kafka: kafkaOf(source.kafka, { ...context, configured: context.configured && !pulsar }),
    replicateChannel: source.replicateChan,
    ...(uri === undefined ? {} : { milvus: { uri, ...(token === undefined ? {} : { token }) } }),
  };
}

/** milvus-cdc reads Pulsar wherever its address is set, also beside Kafka. Answers whether that was refused. */
function refusePulsar({ pulsar }: SourceSettings, { problems }: SourceContext): boolean {
  const settings = typeof pulsar === 'object' && pulsar !== null ? Object.entries(pulsar) : [];
  const address = settings.find(([key]) => key.toLowerCase() === 'address')?.[1] ?? '';
  if (address === '') return false;
  problems.refuse(
    'sourceConfig.pulsar',
    'cannot be honoured: this release reads the log from Kafka; take the block out and set sourceConfig.kafka.address',
  );
  return true;
}

function etcdOf(source: SourceSettings, context: SourceContext): KafkaSourceConfig['etcd'] {
  const { etcd } = source;
  // The deprecated keys win as a whole, with nothing but these three.
  const old = source.etcdAddress !== undefined;
  const endpoints = (old ? source.etcdAddress : etcd.address) ?? [DEFAULT_ETCD];
  const tls = old ? undefined : etcdTls(etcd, endpoints, context);
  const auth = old ? undefined : etcdAuth(etcd, context);
  return {
    endpoints: [...endpoints],
    rootPath: keyPath(
      old ? 'etcdRootPath' : 'etcd.rootPath',
      (old ? source.etcdRootPath : etcd.rootPath) ?? 'by-dev',
      context,
    ),
    metaSubPath: keyPath(
      old ? 'etcdMetaSubPath' : 'etcd.metaSubPath',
      (old ? source.etcdMetaSubPath : etcd.metaSubPath) ?? 'meta',
      context,
    ),
    ...(auth === undefined ? {} : { auth }),
    ...(tls === undefined ? {} : { tls }),
  };
}

function keyPath(key: string, path: string, { problems }: SourceContext): string {
  const bare = path.replace(/^\/+|\/+$/g, '');
  if (bare === '') problems.refuse(`sourceConfig.${key}`, 'must not be empty');
  return bare;
}

function etcdAuth(etcd: EtcdSettings, { problems }: SourceContext): KafkaSourceConfig['etcd']['auth'] {
  if (!etcd.enableAuth) return undefined;
  const { username = '', password = '' } = etcd;
  if (username === '')
    problems.refuse('sourceConfig.etcd.username', 'is missing, and enableAuth asks for it');
  return { username, password };
}

function etcdTls(
  etcd: EtcdSettings,
  endpoints: readonly string[],
  context: SourceContext,
): TlsConfig | undefined {
  const encrypted = endpoints.some((endpoint) => endpoint.startsWith('https://'));
  if (!etcd.enableTLS) return encrypted ? {} : undefined;
  const oldest = etcd.tlsMinVersion;
  if (oldest === '1.0' || oldest === '1.1') {
    context.problems.warn(
      'sourceConfig.etcd.tlsMinVersion',
      'is raised to 1.2, older versions are not spoken',
    );
  }
  return {
    ...tlsFiles('sourceConfig.etcd', etcd, context),
    ...(oldest === undefined ? {} : { minVersion: oldest === '1.3' ? 'TLSv1.3' : 'TLSv1.2' }),
  };
}

type TlsFiles = Pick<EtcdSettings, 'tlsCertPath' | 'tlsKeyPath' | 'tlsCACertPath'>;

function tlsFiles(block: string, files: TlsFiles, { problems, findFile }: SourceContext): TlsConfig {
  const file = (key: keyof TlsFiles): string | undefined => {
    const path = files[key];
    if (path === undefined || path === '') return undefined;
    const found = findFile(path);
    if (found === undefined) problems.refuse(`${block}.${key}`, `cannot be read: ${path}`);
    return found;
  };
  const [ca, cert, key] = [file('tlsCACertPath'), file('tlsCertPath'), file('tlsKeyPath')];
  if ((files.tlsCertPath ?? '') === '' && (files.tlsKeyPath ?? '') !== '') {
    problems.refuse(`${block}.tlsCertPath`, 'is missing beside tlsKeyPath');
  }
  if ((files.tlsCertPath ?? '') !== '' && (files.tlsKeyPath ?? '') === '') {
    problems.refuse(`${block}.tlsKeyPath`, 'is missing beside tlsCertPath');
  }
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

function kafkaOf(given: KafkaSettings, context: SourceContext): KafkaSourceConfig['kafka'] {
  const { problems } = context;
  const kafka = resolveConsumer(given, problems);
  if (kafka.address === undefined && context.configured) {
    problems.refuse('sourceConfig.kafka.address', 'is missing: the log of the source is read from Kafka');
  }
  const bootstrap = kafka.address ?? [DEFAULT_KAFKA];
  if (!bootstrap.every((address) => /^[^\s/]+:\d{1,5}$/.test(address))) {
    problems.refuse('sourceConfig.kafka.address', 'must be host:port, several separated by commas');
  }
  const protocol = protocolOf(kafka, problems);
  const sasl = protocol.startsWith('SASL') ? saslOf(kafka, problems) : undefined;
  const encrypted = kafka.enableTLS || protocol.endsWith('SSL');
  return {
    bootstrap: [...bootstrap],
    ...(sasl === undefined ? {} : { sasl }),
    ...(encrypted ? { tls: tlsFiles('sourceConfig.kafka', kafka, context) } : {}),
  };
}

const PROTOCOLS = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'];

/** Without a protocol librdkafka, and so milvus-cdc, logs in nowhere, whatever user name it was given: too easy to
 *  mean otherwise to be guessed at. */
function protocolOf(kafka: KafkaSettings, problems: Problems): string {
  const path = 'sourceConfig.kafka.securityProtocol';
  const given = (kafka.securityProtocol ?? '').toUpperCase();
  if (given === '') {
    if ((kafka.saslUsername ?? '') !== '') {
      problems.refuse(path, 'is missing beside saslUsername: SASL_SSL or SASL_PLAINTEXT');
    }
    return 'PLAINTEXT';
  }
  if (!PROTOCOLS.includes(given)) problems.refuse(path, `must be one of ${PROTOCOLS.join(', ')}`);
  return given;
}

function saslOf(kafka: KafkaSettings, problems: Problems): KafkaSourceConfig['kafka']['sasl'] {
  const { saslUsername: username = '', saslPassword: password = '' } = kafka;
  if (username === '')
    problems.refuse('sourceConfig.kafka.saslUsername', 'is missing: the protocol asks for a login');
  const wanted = (kafka.saslMechanisms || 'PLAIN').toUpperCase();
  const mechanism = SASL_MECHANISMS.find((known) => known === wanted);
  if (mechanism === undefined) {
    problems.refuse(
      'sourceConfig.kafka.saslMechanisms',
      `cannot be honoured: ${SASL_MECHANISMS.join(', ')} can`,
    );
  }
  return { mechanism: mechanism ?? 'PLAIN', username, password };
}
