import { isIP } from 'node:net';
import { type BaseOptions, Consumer } from '@platformatic/kafka';
import type { KafkaConfig } from './config.ts';
import { chooseFetchApi, type FetchApi, type FetchRequest } from './fetch-api.ts';
import { KafkaAnswerError } from './kafka-verdict.ts';
import { loadTls } from './pem.ts';
import { type MskToken, saslOptions } from './sasl.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** Longer than any wait that is asked of a broker. */
const REQUEST_TIMEOUT_MS = 10_000;
const EARLIEST = -2n;
const LATEST = -1n;

/** A topic as its cluster describes it now. */
export interface TopicState {
  readonly name: string;
  /** UUID; the name on brokers older than 2.8, which have none. */
  readonly id: string;
  /** Broker that leads partition 0. */
  readonly leader: number;
  readonly leaderEpoch: number;
}

/** One client of a Kafka cluster with its own connections: partition 0, no groups, no commits, never creating a topic.
 *
 *  It tries nothing twice: each call is one exchange, bounded by the timeouts above, and fails with what the library or the
 *  broker said ({@link kafkaVerdict} judges). A waiting fetch blocks what is sent after it on the same connection, hence
 *  one client per reader. */
export class KafkaClient {
  readonly #consumer: Consumer;
  readonly #bootstrap: string;
  #fetchApi: FetchApi | undefined;

  /** `mskToken` stands in for the login of AWS. */
  constructor(config: KafkaConfig, mskToken?: MskToken) {
    // A group is required by the library and never joined.
    this.#consumer = new Consumer({ ...clientOptions(config, mskToken), groupId: 'milvus-cdc' });
    this.#bootstrap = config.bootstrap.join(', ');
  }

  /** The brokers it was told of, fit for messages. */
  get bootstrap(): string {
    return this.#bootstrap;
  }

  /** Asks the cluster, never a cache. */
  async topic(name: string): Promise<TopicState> {
    const metadata = await this.#consumer.metadata({ topics: [name], forceUpdate: true });
    const topic = metadata.topics.get(name);
    const partition = topic?.partitions[0];
    if (topic === undefined || partition === undefined) throw new KafkaAnswerError(3);
    return { name, id: topic.id, leader: partition.leader, leaderEpoch: partition.leaderEpoch };
  }

  /** The first offset that the topic's log holds, and the one its next record will get. */
  async extent(topic: TopicState): Promise<{ readonly earliest: bigint; readonly next: bigint }> {
    return { earliest: await this.#offset(topic, EARLIEST), next: await this.#offset(topic, LATEST) };
  }

  /** The record batches from an offset on; empty when none arrived in time. */
  async fetch(
    topic: TopicState,
    request: Omit<FetchRequest, 'topic' | 'topicId' | 'leaderEpoch'>,
  ): Promise<Buffer> {
    const broker = this.#consumer.currentMetadata?.brokers.get(topic.leader);
    // The leader is known before its address, or there is none: LEADER_NOT_AVAILABLE.
    if (broker === undefined) throw new KafkaAnswerError(5);
    const api = await this.#api();
    const connection = await this.#consumer.connections.get(broker);
    const { errorCode, records } = await api.send(
      connection,
      ...api.arguments({ ...request, topic: topic.name, topicId: topic.id, leaderEpoch: topic.leaderEpoch }),
    );
    if (errorCode !== 0) throw new KafkaAnswerError(errorCode);
    return records;
  }

  /** Ends all connections and with them what is under way. Never fails. */
  async close(): Promise<void> {
    await this.#consumer.close(true).catch(() => undefined);
  }

  async #api(): Promise<FetchApi> {
    if (this.#fetchApi !== undefined) return this.#fetchApi;
    const fetch = (await this.#consumer.listApis()).find((api) => api.name === 'Fetch');
    const api = fetch === undefined ? undefined : chooseFetchApi(fetch.minVersion, fetch.maxVersion);
    if (api === undefined) throw new KafkaAnswerError(35);
    this.#fetchApi = api;
    return api;
  }

  async #offset(topic: TopicState, timestamp: bigint): Promise<bigint> {
    const offsets = await this.#consumer.listOffsets({
      topics: [topic.name],
      partitions: { [topic.name]: [0] },
      timestamp,
    });
    const offset = offsets.get(topic.name)?.[0];
    if (offset === undefined) throw new KafkaAnswerError(3);
    return offset;
  }
}

/** What a reader needs of a client. */
export type TopicClient = Pick<KafkaClient, 'bootstrap' | 'topic' | 'extent' | 'fetch' | 'close'>;

/** What every client of the library is told. */
export function clientOptions(config: KafkaConfig, mskToken?: MskToken): BaseOptions {
  return {
    clientId: 'milvus-cdc',
    bootstrapBrokers: [...config.bootstrap],
    connectTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retries: 0,
    autocreateTopics: false,
    ...(config.sasl === undefined ? {} : { sasl: saslOptions(config.sasl, mskToken) }),
    ...(config.tls === undefined
      ? {}
      : {
          tls: loadTls(config.tls),
          tlsServerName: config.tls.serverName ?? !onlyAddresses(config.bootstrap),
        }),
  };
}

/** A TLS server name must be a name. */
function onlyAddresses(bootstrap: readonly string[]): boolean {
  return bootstrap.every((broker) => isIP(broker.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')) !== 0);
}
