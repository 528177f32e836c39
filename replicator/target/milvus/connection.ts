import type { Socket } from 'node:net';
import { ChannelCredentials, Client, status as GrpcStatus, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { Endpoint } from './endpoint.ts';
import { SocketCredentials } from './socket-credentials.ts';

/** TLS beyond what `https://` says; all values are PEM texts. */
export interface TlsOptions {
  /** Authorities, or the server's own certificate; the system's authorities when absent. */
  readonly ca?: string | undefined;
  /** Client certificate and its key; both or neither. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Name to expect in the server's certificate, where it differs from the address. */
  readonly serverName?: string | undefined;
}

export interface ConnectionOptions {
  readonly endpoint: Endpoint;
  readonly tls?: TlsOptions | undefined;
  /** Why nobody may be connected to under an IP address; undefined when one may. @default anybody may */
  readonly refused?: ((address: string) => string | undefined) | undefined;
}

/** How a call ended without an answer. */
export class CallError extends Error {
  override readonly name = 'CallError';
  /** A gRPC status code. */
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

const SERVICE = '/milvus.proto.milvus.MilvusService/';
const identity = (bytes: Buffer): Buffer => bytes;

/** One gRPC channel to a Milvus, with a TCP connection of its own. Sends each request at most once: gRPC's retries,
 *  which would repeat an insert, are off. */
export class Connection {
  readonly #client: Client;
  readonly #metadata: Metadata;
  readonly #refused: ConnectionOptions['refused'];
  readonly #sockets = new Set<Socket>();
  #reset = false;

  constructor({ endpoint, tls, refused }: ConnectionOptions) {
    this.#refused = refused;
    const credentials = new SocketCredentials(credentialsFor(endpoint, tls), (socket) => this.#track(socket));
    this.#client = new Client(endpoint.address, credentials, {
      'grpc.enable_retries': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.service_config_disable_resolution': 1,
      // The limits are the server's business; ours would only fail a request after it was executed.
      'grpc.max_send_message_length': -1,
      'grpc.max_receive_message_length': -1,
      'grpc.keepalive_time_ms': 55_000,
      'grpc.keepalive_timeout_ms': 10_000,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 2_000,
      ...(tls?.serverName === undefined ? {} : { 'grpc.ssl_target_name_override': tls.serverName }),
    });
    this.#metadata = new Metadata();
    if (endpoint.authorization !== undefined) this.#metadata.set('authorization', endpoint.authorization);
    if (endpoint.database !== '') this.#metadata.set('dbname', endpoint.database);
  }

  /** True as soon as the server can be spoken to; false when it could not within the time. */
  ready(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      // The channel's deadline is a wall clock time; ours does not jump.
      const timer = setTimeout(() => resolve(false), timeoutMs);
      this.#client.waitForReady(Date.now() + timeoutMs, (error) => {
        clearTimeout(timer);
        resolve(error === undefined);
      });
    });
  }

  /** Sends an encoded request and answers the encoded response. Fails with {@link CallError} at the latest after
   *  `timeoutMs`; the server is told the deadline, too, but need not keep it. */
  call(method: string, request: Buffer, timeoutMs: number): Promise<Buffer> {
    if (this.#reset) return Promise.reject(new CallError(GrpcStatus.CANCELLED, 'the connection is closed'));
    return new Promise((resolve, reject) => {
      const settle = (error: ServiceError | null, response?: Buffer): void => {
        clearTimeout(timer);
        if (error !== null) reject(new CallError(error.code, error.details, { cause: error }));
        else if (response === undefined) reject(new CallError(GrpcStatus.INTERNAL, 'an empty answer'));
        else resolve(response);
      };
      const call = this.#client.makeUnaryRequest(
        SERVICE + method,
        identity,
        identity,
        request,
        this.#metadata.clone(),
        { deadline: Date.now() + timeoutMs },
        settle,
      );
      const timer = setTimeout(() => call.cancel(), timeoutMs);
    });
  }

  /** Ends the connection at once, whatever is under way: nothing that was not delivered yet is delivered later. */
  reset(): void {
    this.#reset = true;
    this.#client.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#sockets.clear();
  }

  /** What a name resolves to is anybody's guess; what is at the other end of a socket is certain. */
  #track(socket: Socket): void {
    const peer = socket.remoteAddress ?? '';
    const why = this.#refused?.(peer);
    if (why !== undefined) throw new Error(`${peer} ${why}: a target has to be reached through the network`);
    if (this.#reset) {
      socket.resetAndDestroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}

function credentialsFor({ tls }: Endpoint, options: TlsOptions = {}): ChannelCredentials {
  if (!tls) return ChannelCredentials.createInsecure();
  const pem = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text));
  return ChannelCredentials.createSsl(pem(options.ca), pem(options.key), pem(options.cert));
}
