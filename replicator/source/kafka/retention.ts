import { Admin, ConfigResourceTypes } from '@platformatic/kafka';
import type { LogRetention } from '#shared/task/retention.ts';
import { SourceUnavailableError } from '../change-source.ts';
import { abortable } from './abortable.ts';
import type { KafkaConfig } from './config.ts';
import { clientOptions } from './kafka-client.ts';
import { kafkaReason, kafkaVerdict } from './kafka-verdict.ts';

const KEYS = { ms: 'retention.ms', bytes: 'retention.bytes' } as const;
/** Kafka writes "no limit" so. */
const NO_LIMIT = '-1';
/** Topics asked for at a time. */
const WIDTH = 16;

/** What the settings of these topics promise to keep, the least of all; a topic that is not there keeps nothing. Fails
 *  with {@link SourceUnavailableError}, also when the login may not describe configurations. */
export async function readRetention(
  config: KafkaConfig,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<LogRetention> {
  const admin = new Admin(clientOptions(config));
  try {
    const all: LogRetention[] = [];
    for (let from = 0; from < topics.length; from += WIDTH) {
      const some = topics.slice(from, from + WIDTH).map((topic) => retentionOf(admin, topic));
      all.push(...(await abortable(Promise.all(some), signal)));
    }
    return { ms: least(all.map(({ ms }) => ms)), bytes: least(all.map(({ bytes }) => bytes)) };
  } catch (error) {
    signal.throwIfAborted();
    const where = `Kafka at ${config.bootstrap.join(', ')}`;
    throw new SourceUnavailableError(
      `${where} does not tell how long it keeps its log: ${kafkaReason(error)}`,
      {
        cause: error,
      },
    );
  } finally {
    void Promise.resolve(admin.close()).catch(() => undefined);
  }
}

/** One topic a request: one that is not there would take the answers of the others with it. */
async function retentionOf(admin: Admin, topic: string): Promise<LogRetention> {
  try {
    const [described] = await admin.describeConfigs({
      resources: [
        {
          resourceType: ConfigResourceTypes.TOPIC,
          resourceName: topic,
          configurationKeys: Object.values(KEYS),
        },
      ],
    });
    const limit = (key: string): number | null => {
      const value = described?.configs.find(({ name }) => name === key)?.value;
      if (value === undefined || value === null) throw new Error(`topic ${topic} has no ${key}`);
      return value === NO_LIMIT ? null : Number(value);
    };
    return { ms: limit(KEYS.ms), bytes: limit(KEYS.bytes) };
  } catch (error) {
    if (kafkaVerdict(error) === 'no-topic') return { ms: 0, bytes: null };
    throw error;
  }
}

/** Null: no limit. */
function least(limits: readonly (number | null)[]): number | null {
  const finite = limits.filter((limit) => limit !== null);
  return finite.length === 0 ? null : Math.min(...finite);
}
