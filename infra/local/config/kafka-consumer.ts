import type { Problems } from './problems.ts';
import type { KafkaSettings } from './schema.ts';

type TextSetting =
  | 'saslUsername'
  | 'saslPassword'
  | 'saslMechanisms'
  | 'securityProtocol'
  | 'tlsCertPath'
  | 'tlsKeyPath'
  | 'tlsCACertPath';

/** Properties of librdkafka that say the same as a setting of ours. */
const PROPERTIES: Readonly<Record<string, TextSetting>> = {
  'security.protocol': 'securityProtocol',
  'sasl.mechanism': 'saslMechanisms',
  'sasl.mechanisms': 'saslMechanisms',
  'sasl.username': 'saslUsername',
  'sasl.password': 'saslPassword',
  'ssl.ca.location': 'tlsCACertPath',
  'ssl.certificate.location': 'tlsCertPath',
  'ssl.key.location': 'tlsKeyPath',
};

/** milvus-cdc hands `consumer` to librdkafka as it is. What concerns security is honoured or refused; the rest tunes a
 *  client that is not used here. */
export function resolveConsumer(kafka: KafkaSettings, problems: Problems): KafkaSettings {
  const resolved = { ...kafka };
  for (const [property, value] of Object.entries(kafka.consumer ?? {})) {
    const path = `sourceConfig.kafka.consumer.${property}`;
    const setting = Object.hasOwn(PROPERTIES, property) ? PROPERTIES[property] : undefined;
    if (setting !== undefined) resolved[setting] = String(value);
    else if (/^(ssl|sasl|enable\.ssl|security)\./.test(property)) problems.refuse(path, 'cannot be honoured');
    else problems.warn(path, 'has no meaning here and is ignored');
  }
  return resolved;
}
