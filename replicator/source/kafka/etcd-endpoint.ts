import { createSecureContext } from 'node:tls';
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import {
  type CallOptions,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
} from '@grpc/grpc-js';
import {
  type WatchRequest,
  WatchRequestSchema,
  type WatchResponse,
  WatchResponseSchema,
} from '../../wire/gen/etcd_rpc_pb.ts';
import type { TlsConfig } from './config.ts';
import { loadTls } from './pem.ts';

/** One method of etcd's gRPC API. */
export interface EtcdMethod<Req extends DescMessage, Res extends DescMessage> {
  readonly path: string;
  readonly request: Req;
  readonly response: Res;
}

export interface EtcdCallOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly token: string | undefined;
}

const CHANNEL_OPTIONS: ChannelOptions = {
  // A page or a difference of the catalog; etcd's own limit for what it sends is far higher.
  'grpc.max_receive_message_length': 128 * 1024 * 1024,
  // Who tries again, and how often, is decided in EtcdClient.
  'grpc.enable_retries': 0,
  // The defaults back off for up to two minutes, long after a member is back.
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 2_000,
  // A watch on a connection that died without a word would wait for ever. etcd allows a ping each 5 s.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
};

/** The connection to one member of etcd. Errors are grpc-js's; {@link EtcdClient} judges them. */
export class EtcdEndpoint {
  /** `host:port`, fit for messages. */
  readonly name: string;
  readonly #client: Client;

  constructor(endpoint: string, tls: TlsConfig | undefined) {
    const secure = endpoint.startsWith('https://');
    this.name = endpoint.replace(/^https?:\/\//, '').replace(/\/+$/, '');
    this.#client = new Client(this.name, channelCredentials(secure, tls), {
      ...CHANNEL_OPTIONS,
      ...(tls?.serverName === undefined ? {} : { 'grpc.ssl_target_name_override': tls.serverName }),
    });
  }

  call<Req extends DescMessage, Res extends DescMessage>(
    method: EtcdMethod<Req, Res>,
    init: MessageInitShape<Req>,
    options: EtcdCallOptions,
  ): Promise<MessageShape<Res>> {
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        method.path,
        (message: MessageShape<Req>) => Buffer.from(toBinary(method.request, message)),
        (bytes: Buffer) => fromBinary(method.response, bytes),
        create(method.request, init),
        metadata(options.token),
        { deadline: Date.now() + options.timeoutMs },
        (error, response) => {
          options.signal.removeEventListener('abort', cancel);
          if (error !== null) reject(error);
          else if (response === undefined) reject(new Error('an answer without a message'));
          else resolve(response);
        },
      );
      const cancel = (): void => call.cancel();
      if (options.signal.aborted) cancel();
      else options.signal.addEventListener('abort', cancel, { once: true });
    });
  }

  watch(token: string | undefined): ClientDuplexStream<WatchRequest, WatchResponse> {
    const meta = metadata(token);
    // A member that lost its leader must end the watch instead of keeping it silent.
    meta.set('hasleader', 'true');
    const options: CallOptions = {};
    return this.#client.makeBidiStreamRequest(
      '/etcdserverpb.Watch/Watch',
      (message: WatchRequest) => Buffer.from(toBinary(WatchRequestSchema, message)),
      (bytes: Buffer) => fromBinary(WatchResponseSchema, bytes),
      meta,
      options,
    );
  }

  close(): void {
    this.#client.close();
  }
}

function metadata(token: string | undefined): Metadata {
  const meta = new Metadata();
  if (token !== undefined && token !== '') meta.set('token', token);
  return meta;
}

function channelCredentials(
  secure: boolean,
  tls: TlsConfig | undefined,
): ReturnType<typeof credentials.createSsl> {
  if (tls === undefined) return secure ? credentials.createSsl() : credentials.createInsecure();
  // TLS that is configured is used whatever the scheme says: a login must not go out in the clear by a typing error.
  return credentials.createFromSecureContext(createSecureContext(loadTls(tls)));
}
