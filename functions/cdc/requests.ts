import type { z } from 'zod';
import { anything, dictionary, flag, int, list, struct, text } from './go-schema.ts';

/** `request_data` of each request type, member for member as milvus-cdc takes it. Values are checked elsewhere. */

const dialConfig = struct({
  server_name: text,
  server_pem_path: text,
  ca_pem_path: text,
  client_pem_path: text,
  client_key_path: text,
});

const milvusConnectParam = struct({
  uri: text,
  token: text,
  host: text,
  port: int,
  enable_tls: flag,
  username: text,
  password: text,
  dial_config: dialConfig,
  channel_num: int,
  ignore_partition: flag,
  connect_timeout: int,
});

const kafkaConnectParam = struct({
  address: text,
  topic: text,
  enable_sasl: flag,
  sasl: struct({ username: text, password: text, mechanisms: text, security_protocol: text }),
});

const collectionInfo = struct({ name: text, positions: dictionary(text), use_start_position: flag });

const createRequest = struct({
  milvus_connect_param: milvusConnectParam,
  kafka_connect_param: kafkaConnectParam,
  collection_infos: list(collectionInfo),
  db_collections: dictionary(list(collectionInfo)),
  name_mapping: list(struct({ source_db: text, target_db: text, collection_mapping: dictionary(text) })),
  extra_info: struct({ enable_user_role: flag }),
  rpc_channel_info: struct({ name: text, position: text }),
  buffer_config: struct({ period: int, size: int }),
  disable_auto_start: flag,
  task_id: text,
  /** Deprecated and ignored. */
  positions: dictionary(text),
  /** Ours: where collections in scope start, also those that a wildcard finds. */
  start_positions: dictionary(text),
  /** Ours: check everything, store nothing. */
  dry_run: flag,
});

const taskIdRequest = struct({ task_id: text });
const deleteRequest = struct({ task_id: text, ignore_not_found: flag });
/** Capitals as in milvus-cdc's messages; keys match in any case. */
const maintenanceRequest = struct({ Operation: text, Params: dictionary(anything) });

/** The schema of each request type; its keys are the request types there are. */
export const REQUESTS = {
  create: createRequest,
  delete: deleteRequest,
  get: taskIdRequest,
  list: struct({}),
  maintenance: maintenanceRequest,
  pause: taskIdRequest,
  position: taskIdRequest,
  resume: taskIdRequest,
} as const;

export type RequestType = keyof typeof REQUESTS;
export type Request<Type extends RequestType> = z.output<(typeof REQUESTS)[Type]>;

export type CreateRequest = Request<'create'>;
export type MilvusConnectParam = CreateRequest['milvus_connect_param'];
export type CollectionInfo = z.output<typeof collectionInfo>;

/** Members whose keys are data; a message writes those keys in brackets. */
export const DICTIONARIES: ReadonlySet<string> = new Set([
  'positions',
  'start_positions',
  'db_collections',
  'collection_mapping',
  'Params',
]);

export function isRequestType(name: string): name is RequestType {
  return Object.hasOwn(REQUESTS, name);
}
