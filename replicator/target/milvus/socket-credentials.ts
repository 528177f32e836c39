import type { Socket } from 'node:net';
import { ChannelCredentials } from '@grpc/grpc-js';

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>;
type ConnectorInputs = Parameters<ChannelCredentials['_createSecureConnector']>;

/** Other credentials, plus sight of each TCP socket a channel opens, before anything is sent over it: when `onSocket`
 *  throws, nothing is, and the connection counts as failed. gRPC closes a connection politely: what the
 *  operating system still holds of a request is sent even minutes later, when a broken network heals. A request
 *  that was given up must not arrive then, so its socket is to be reset, which throws the rest away; and grpc-js
 *  offers no other way to get at it. */
export class SocketCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials;
  readonly #onSocket: (socket: Socket) => void;

  constructor(inner: ChannelCredentials, onSocket: (socket: Socket) => void) {
    super();
    this.#inner = inner;
    this.#onSocket = onSocket;
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure();
  }

  /** Never equal: a channel with these must not share its connections with another. */
  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(...inputs: ConnectorInputs): Connector {
    const inner = this.#inner._createSecureConnector(...inputs);
    return {
      connect: async (socket) => {
        this.#onSocket(socket);
        return inner.connect(socket);
      },
      waitForReady: () => inner.waitForReady(),
      getCallCredentials: () => inner.getCallCredentials(),
      destroy: () => inner.destroy(),
    };
  }
}
