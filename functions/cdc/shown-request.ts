import { maskUri } from './mask.ts';
import type { CreateRequest } from './requests.ts';

/** A create request as it is stored and shown: every member as given, but without credentials. Members that
 *  milvus-cdc leaves out when empty are left out. `start_positions` are many, and the task has them already. */
export function shownRequest(request: CreateRequest): Record<string, unknown> {
  const {
    milvus_connect_param: milvus,
    kafka_connect_param: kafka,
    dry_run: _,
    start_positions: __,
    ...rest
  } = request;
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

/** Members of milvus-cdc's own answers. */
const SHOWN_BESIDE: ReadonlySet<string> = new Set([
  'task_id',
  'milvus_connect_param',
  'kafka_connect_param',
  'collection_infos',
  'db_collections',
]);

/** Of a stored request, the members that say something and that milvus-cdc's answers do not show. */
export function furtherMembers(request: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(request).filter(([name, value]) => !SHOWN_BESIDE.has(name) && saysSomething(value)),
  );
}

/** To milvus-cdc a zero value is the same as none. */
function saysSomething(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return Boolean(value);
  return Object.values(value).some(saysSomething);
}

function withoutEmpty(members: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== ''));
}
