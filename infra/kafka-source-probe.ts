import type { Logger } from '#shared/log.ts';
import { type LogRetention, retentionWarnings } from '#shared/task/retention.ts';
import { covers, type ScopePattern } from '#shared/task/scope.ts';
import type { KafkaSourceConfig } from '#shared/task/source.ts';
import {
  type SourceCollection,
  type SourceFacts,
  type SourceProbe,
  SourceProbeError,
} from '../functions/probe/source-probe.ts';
import type { Catalog, CatalogCollection } from '../replicator/engine/catalog.ts';
import type { ChangeSource, ChannelExtent } from '../replicator/source/change-source.ts';
import { KafkaChangeSource } from '../replicator/source/kafka/kafka-change-source.ts';
import { readRetention } from '../replicator/source/kafka/retention.ts';

export interface KafkaSourceProbeOptions {
  readonly config: KafkaSourceConfig;
  readonly log: Logger;
  /** @default a {@link KafkaChangeSource} of the config */
  readonly open?: (() => ChangeSource) | undefined;
  /** @default {@link readRetention} of the config's Kafka */
  readonly readRetention?: ReadRetention | undefined;
}

type ReadRetention = (channels: readonly string[], signal: AbortSignal) => Promise<LogRetention>;

/** Of the time there is, what etcd's checks may take; the rest is Kafka's. */
const ETCD_SHARE = 0.6;
const NO_TOPIC = / has no topic /;

/** Looks at a source through the very adapter that a replicator will follow it with. A composition root may know both
 *  sides: functions and replicator never import each other, so this is neither's. */
export class KafkaSourceProbe implements SourceProbe {
  readonly #options: KafkaSourceProbeOptions;

  constructor(options: KafkaSourceProbeOptions) {
    this.#options = options;
  }

  async check(patterns: readonly ScopePattern[], budgetMs: number): Promise<SourceFacts> {
    const { config, log, open = () => new KafkaChangeSource(config) } = this.#options;
    const all = AbortSignal.timeout(budgetMs);
    const forEtcd = AbortSignal.timeout(Math.ceil(budgetMs * ETCD_SHARE));
    const { endpoints } = config.etcd;
    let source: ChangeSource | undefined;
    try {
      const opened = open();
      source = opened;
      const { version = '', catalog } = await told(`etcd at ${endpoints.join(', ')}`, forEtcd, async () => {
        const detected = await opened.detect(log, forEtcd);
        return { ...detected, catalog: await opened.readCatalog(forEtcd) };
      });
      const kafka = this.#kafka;
      const warnings = await told(kafka, all, () => this.#replicateChannel(opened, all));
      const collections = await told(kafka, all, () => describe(opened, catalog, patterns, all));
      const kept = await this.#keeps(channelsOf(catalog, patterns), all);
      return { version, collections, retention: kept.retention, warnings: [...warnings, ...kept.warnings] };
    } catch (error) {
      throw asProbeError(error);
    } finally {
      await source?.close();
    }
  }

  async retention(channels: readonly string[], budgetMs: number): Promise<LogRetention> {
    const signal = AbortSignal.timeout(budgetMs);
    try {
      return await told(this.#kafka, signal, () => this.#readRetention(channels, signal));
    } catch (error) {
      throw asProbeError(error);
    }
  }

  /** What is not known of the retention keeps no task from running. */
  async #keeps(
    channels: readonly string[],
    signal: AbortSignal,
  ): Promise<{ readonly retention?: LogRetention; readonly warnings: readonly string[] }> {
    if (channels.length === 0) return { warnings: [] };
    try {
      const retention = await told(this.#kafka, signal, () => this.#readRetention(channels, signal));
      return { retention, warnings: retentionWarnings(retention) };
    } catch (error) {
      return {
        warnings: [`${sentence(error)}; the right to describe the topics' configurations may be missing`],
      };
    }
  }

  get #kafka(): string {
    return `Kafka at ${this.#options.config.kafka.bootstrap.join(', ')}`;
  }

  get #readRetention(): ReadRetention {
    const { config, readRetention: given } = this.#options;
    return given ?? ((channels, signal) => readRetention(config.kafka, channels, signal));
  }

  /** Kafka has to answer. That the topic is not there yet is normal for a source that never mirrored anything. */
  async #replicateChannel(source: ChangeSource, signal: AbortSignal): Promise<string[]> {
    const { replicateChannel } = this.#options.config;
    try {
      await source.describeChannel(replicateChannel, signal);
      return [];
    } catch (error) {
      if (!NO_TOPIC.test(sentence(error))) throw error;
      return [
        `${sentence(error)}: right for a source that has done no DDL since it was set up, else sourceConfig.replicateChan differs from the source's msgChannel.chanNamePrefix.{cluster}-{replicateMsg}`,
      ];
    }
  }
}

/** Runs one part of the check; being late is told with what was being asked. */
async function told<T>(who: string, signal: AbortSignal, part: () => Promise<T>): Promise<T> {
  try {
    return await part();
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new SourceProbeError(
      `${who} did not answer in time, check its address and that this network lets it through`,
    );
  }
}

/** The channels of what exists and is asked for. */
function channelsOf(catalog: Catalog, patterns: readonly ScopePattern[]): string[] {
  const wanted = [...catalog.collections.values()].filter(
    ({ state, database, name }) =>
      state === 'created' && patterns.some((pattern) => covers(pattern, { database, collection: name })),
  );
  return [...new Set(wanted.flatMap(({ shards }) => shards.map(({ channel }) => channel)))];
}

async function describe(
  source: ChangeSource,
  catalog: Catalog,
  patterns: readonly ScopePattern[],
  signal: AbortSignal,
): Promise<SourceCollection[]> {
  const extents = new Map<string, Promise<ChannelExtent>>();
  const extentOf = (channel: string): Promise<ChannelExtent> => {
    const asked = extents.get(channel) ?? source.describeChannel(channel, signal);
    extents.set(channel, asked);
    return asked;
  };
  const described: SourceCollection[] = [];
  for (const collection of catalog.collections.values()) {
    if (collection.state !== 'created') continue;
    const { database, name } = collection;
    const wanted = patterns.some((pattern) => covers(pattern, { database, collection: name }));
    const historyComplete = wanted ? await reachesBack(collection, extentOf) : null;
    described.push({ database, name, historyComplete });
  }
  return described;
}

async function reachesBack(
  { shards }: CatalogCollection,
  extentOf: (channel: string) => Promise<ChannelExtent>,
): Promise<boolean> {
  for (const { channel, startOffset } of shards) {
    const { earliestOffset, nextOffset } = await extentOf(channel);
    if (startOffset < earliestOffset || startOffset >= nextOffset) return false;
  }
  return true;
}

function asProbeError(error: unknown): SourceProbeError {
  return error instanceof SourceProbeError ? error : new SourceProbeError(sentence(error), { cause: error });
}

function sentence(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}
