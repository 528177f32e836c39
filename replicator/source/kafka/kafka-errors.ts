import { SourceUnavailableError } from '../change-source.ts';
import type { TopicClient } from './kafka-client.ts';
import { kafkaReason, kafkaVerdict } from './kafka-verdict.ts';

/** The error that the port promises, with the brokers and the topic that it is about. */
export function unavailable(client: TopicClient, topic: string, cause: unknown): SourceUnavailableError {
  const where = `Kafka at ${client.bootstrap}`;
  const what =
    kafkaVerdict(cause) === 'no-topic'
      ? `has no topic ${topic}`
      : `cannot serve ${topic}: ${kafkaReason(cause)}`;
  return new SourceUnavailableError(`${where} ${what}`, { cause });
}
