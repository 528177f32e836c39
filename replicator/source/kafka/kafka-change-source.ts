import type { Logger } from '#shared/log.ts';
import type { Catalog } from '../../engine/catalog.ts';
import type { ChannelRecord, Timestamp } from '../../engine/change.ts';
import {
  type ChangeSource,
  type ChannelExtent,
  HistoryLostError,
  type ReadOptions,
} from '../change-source.ts';
import { abortable } from './abortable.ts';
import { toChannelRecord, toReplicateRecord } from './channel-record.ts';
import type { KafkaSourceConfig } from './config.ts';
import { Decompressor } from './decompress.ts';
import { type DetectedSource, detectSource, refuseOtherQueues } from './detect-source.ts';
import { EtcdCatalog } from './etcd-catalog.ts';
import { EtcdClient } from './etcd-client.ts';
import { KafkaClient, type TopicState } from './kafka-client.ts';
import { unavailable } from './kafka-errors.ts';
import { kafkaVerdict } from './kafka-verdict.ts';
import { type LogRecord, readRecords, splitBatches } from './record-batch.ts';
import type { MskToken } from './sasl.ts';
import { readSourceClock } from './source-clock.ts';
import { TopicReader } from './topic-reader.ts';

/** The fetch of a single record; a broker returns the whole batch around it anyway. */
const ONE_RECORD_BYTES = 64 * 1024;

/** Follows a Milvus 2.3–2.5 through its etcd and its Kafka. A channel is a topic, its offsets are partition 0's.
 *
 *  **Invariant:** within one instance a channel stays the topic that {@link describeChannel} last told of; reading another
 *  topic of that name is a {@link HistoryLostError}, never a continuation. */
export class KafkaChangeSource implements ChangeSource {
  readonly #config: KafkaSourceConfig;
  readonly #mskToken: MskToken | undefined;
  readonly #etcd: EtcdClient;
  readonly #catalog: EtcdCatalog;
  /** For everything but reading on; readers have clients of their own. */
  readonly #kafka: KafkaClient;
  readonly #topicIds = new Map<string, string>();

  /** `mskToken` stands in for the login of AWS. */
  constructor(config: KafkaSourceConfig, mskToken?: MskToken) {
    this.#config = config;
    this.#mskToken = mskToken;
    this.#etcd = new EtcdClient(config.etcd);
    this.#catalog = new EtcdCatalog(this.#etcd, this.#metaRoot);
    this.#kafka = new KafkaClient(config.kafka, mskToken);
  }

  /** Makes sure that this is a source that can be followed: to be called once, before anything is read.
   *  Fails with the port's errors; the sentence says what to change. */
  async detect(log: Logger, signal: AbortSignal): Promise<DetectedSource> {
    const detected = await detectSource(this.#etcd, this.#metaRoot, signal);
    refuseOtherQueues(await this.#catalog.read(signal));
    log.info({ version: detected.version, metaRoot: this.#metaRoot }, 'source detected');
    return detected;
  }

  readCatalog(signal: AbortSignal): Promise<Catalog> {
    return this.#catalog.read(signal);
  }

  awaitCatalogChange(revision: bigint, maxWaitMs: number, signal: AbortSignal): Promise<void> {
    return this.#catalog.awaitChange(revision, maxWaitMs, signal);
  }

  currentTimestamp(signal: AbortSignal): Promise<Timestamp> {
    return readSourceClock(this.#etcd, this.#config.etcd.rootPath, signal);
  }

  async describeChannel(channel: string, signal: AbortSignal): Promise<ChannelExtent> {
    return this.#onTopic(channel, signal, async (topic) => {
      const { earliest, next } = await this.#kafka.extent(topic);
      this.#topicIds.set(channel, topic.id);
      return { logId: topic.id, earliestOffset: earliest, nextOffset: next };
    });
  }

  async *read(
    channel: string,
    offset: bigint,
    options: ReadOptions,
  ): AsyncGenerator<readonly ChannelRecord[]> {
    const reader = new TopicReader({
      client: new KafkaClient(this.#config.kafka, this.#mskToken),
      topic: channel,
      topicId: this.#topicIds.get(channel),
      offset,
      ...options,
    });
    for await (const records of reader.read()) {
      const decoded = this.#decode(channel, records);
      if (decoded.length > 0) yield decoded;
    }
  }

  async readOne(channel: string, offset: bigint, signal: AbortSignal): Promise<ChannelRecord | undefined> {
    if (offset < 0n) return undefined;
    return this.#onTopic(channel, signal, async (topic) => {
      const known = this.#topicIds.get(channel);
      if (known !== undefined && known !== topic.id) {
        throw new HistoryLostError(`topic ${channel} was deleted and made again`);
      }
      const { earliest, next } = await this.#kafka.extent(topic);
      if (offset < earliest || offset >= next) return undefined;
      const fetched = await this.#kafka.fetch(topic, { offset, maxBytes: ONE_RECORD_BYTES, maxWaitMs: 0 });
      const records: LogRecord[] = [];
      for (const batch of splitBatches(fetched)) {
        if (batch.baseOffset <= offset) readRecords(batch, offset, records, new Decompressor());
      }
      const first = records[0];
      return first?.offset === offset ? this.#decode(channel, [first])[0] : undefined;
    });
  }

  async close(): Promise<void> {
    this.#catalog.close();
    this.#etcd.close();
    await this.#kafka.close();
  }

  /** Its name is a setting of its own at both ends, so it is the one that may be wrong. */
  get #metaRoot(): string {
    return `${this.#config.etcd.rootPath}/${this.#config.etcd.metaSubPath}`;
  }

  #decode(channel: string, records: readonly LogRecord[]): readonly ChannelRecord[] {
    const isReplicate = channel === this.#config.replicateChannel;
    const decoded: ChannelRecord[] = [];
    for (const record of records) {
      const change = isReplicate ? toReplicateRecord(channel, record) : toChannelRecord(channel, record);
      if (change !== undefined) decoded.push(change);
    }
    return decoded;
  }

  /** One exchange about a topic, once more where leadership just moved or a connection had died unnoticed. */
  async #onTopic<T>(
    channel: string,
    signal: AbortSignal,
    exchange: (topic: TopicState) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await abortable(
          this.#kafka.topic(channel).then((topic) => exchange(topic)),
          signal,
        );
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof HistoryLostError) throw error;
        if (attempt < 2 && kafkaVerdict(error) === 'again') continue;
        throw unavailable(this.#kafka, channel, error);
      }
    }
  }
}
