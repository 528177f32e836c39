import { findErrorBy } from '@platformatic/kafka';

/** What a failed exchange with Kafka means for the next step.
 *
 *  - `again`: the broker is away, lost the partition or is catching up; ask for the leader again and repeat.
 *  - `out-of-range`: the offset is not in the log.
 *  - `no-topic`: the topic does not exist, or is another one of the same name.
 *  - `refused`: the same request fails again (login, rights, versions). */
export type KafkaVerdict = 'again' | 'out-of-range' | 'no-topic' | 'refused';

/** Kafka's error codes (org.apache.kafka.common.protocol.Errors), as far as they mean something other than `again`. */
const VERDICTS: Readonly<Record<number, KafkaVerdict>> = {
  1: 'out-of-range', // OFFSET_OUT_OF_RANGE
  3: 'no-topic', // UNKNOWN_TOPIC_OR_PARTITION
  17: 'refused', // INVALID_TOPIC_EXCEPTION
  29: 'refused', // TOPIC_AUTHORIZATION_FAILED
  31: 'refused', // CLUSTER_AUTHORIZATION_FAILED
  33: 'refused', // UNSUPPORTED_SASL_MECHANISM
  35: 'refused', // UNSUPPORTED_VERSION
  58: 'refused', // SASL_AUTHENTICATION_FAILED
  100: 'no-topic', // UNKNOWN_TOPIC_ID
  103: 'no-topic', // INCONSISTENT_TOPIC_ID
};

/** An answer with an error code. */
export class KafkaAnswerError extends Error {
  override readonly name = 'KafkaAnswerError';
  readonly errorCode: number;

  constructor(errorCode: number) {
    super(`Kafka answers with error code ${errorCode}`);
    this.errorCode = errorCode;
  }
}

export function kafkaVerdict(error: unknown): KafkaVerdict {
  if (error instanceof KafkaAnswerError) return VERDICTS[error.errorCode] ?? 'again';
  if (!(error instanceof Error)) return 'again';
  // The library hides code 3 of a metadata answer behind this sentence.
  if (/^Unknown topic /.test(error.message)) return 'no-topic';
  for (const [code, verdict] of Object.entries(VERDICTS)) {
    if (findErrorBy(error, 'apiCode', Number(code)) !== null) return verdict;
  }
  for (const code of [
    'PLT_KFK_AUTHENTICATION',
    'PLT_KFK_UNSUPPORTED_API',
    'PLT_KFK_UNSUPPORTED',
    'PLT_KFK_USER',
  ]) {
    if (findErrorBy(error, 'code', code) !== null) return 'refused';
  }
  return 'again';
}

/** One line for a person: the library nests causes and keeps the telling one inside. */
export function kafkaReason(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return kafkaReason(error.errors.at(-1));
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : ` (${kafkaReason(error.cause)})`;
  return `${error.message.replace(/\.$/, '')}${cause}`;
}
