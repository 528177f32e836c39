/** The settings of this adapter; their shape is shared with those who hand them over. */
export {
  type EtcdConfig,
  type KafkaConfig,
  type KafkaSourceConfig,
  kafkaSourceConfig,
  type TlsConfig,
} from '#shared/task/source.ts';
