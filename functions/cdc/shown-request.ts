import { maskUri } from './mask.ts';
import type { CreateRequest } from './requests.ts';

/** A create request as it is stored and shown: every member as given, but without credentials. Members that
 *  milvus-cdc leaves out when empty are left out. */
export function shownRequest(request: CreateRequest): Record<string, unknown> {
  const { milvus_connect_param: milvus, kafka_connect_param: kafka, dry_run: _, ...rest } = request;
  return {
    ...rest,
    milvus_connect_param: {
      host: maskUri(milvus.host),
      port: milvus.port,
      enable_tls: milvus.enable_tls,
      uri: maskUri(milvus.uri),
      dial_config: withoutEmpty(milvus.dial_config),
      channel_num: milvus.channel_num,
      ignore_partition: milvus.ignore_partition,
      connect_timeout: milvus.connect_timeout,
    },
    kafka_connect_param: {
      address: kafka.address,
      topic: kafka.topic,
      enable_sasl: kafka.enable_sasl,
      sasl: withoutEmpty({
        mechanisms: kafka.sasl.mechanisms,
        security_protocol: kafka.sasl.security_protocol,
      }),
    },
  };
}

function withoutEmpty(members: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== ''));
}
