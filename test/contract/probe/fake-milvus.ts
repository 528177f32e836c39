import { Server, ServerCredentials, status } from '@grpc/grpc-js';

const identity = (bytes: Buffer) => bytes;
const method = (name: string) => ({
  path: `/milvus.proto.milvus.MilvusService/${name}`,
  requestStream: false,
  responseStream: false,
  requestSerialize: identity,
  requestDeserialize: identity,
  responseSerialize: identity,
  responseDeserialize: identity,
});

export interface FakeMilvusOptions {
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string } | undefined;
  /** Refuses every call that does not bring this login. */
  readonly token?: string | undefined;
  /** Never answers. */
  readonly silent?: boolean | undefined;
}

export interface FakeMilvus extends AsyncDisposable {
  readonly port: number;
}

/** A gRPC server that answers `Connect` and `GetVersion` as a Milvus does. */
export async function startFakeMilvus({ tls, token, silent }: FakeMilvusOptions = {}): Promise<FakeMilvus> {
  const server = new Server();
  const answer = (bytes: Buffer) => (call: { metadata: { get(key: string): unknown[] } }, reply: unknown) => {
    const send = reply as (error: object | null, bytes?: Buffer) => void;
    if (silent === true) return;
    const login = token === undefined ? [] : [Buffer.from(token).toString('base64')];
    if (token !== undefined && call.metadata.get('authorization')[0] !== login[0]) {
      send({ code: status.UNAUTHENTICATED, details: 'auth check failure, please check api key is correct' });
    } else send(null, bytes);
  };
  server.addService(
    { Connect: method('Connect'), GetVersion: method('GetVersion') },
    { Connect: answer(Buffer.alloc(0)), GetVersion: answer(Buffer.from('\x12\x06v2.9.9', 'latin1')) },
  );
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(
          tls.clientCa === undefined ? null : Buffer.from(tls.clientCa),
          [{ cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) }],
          tls.clientCa !== undefined,
        );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, [Symbol.asyncDispose]: async () => server.forceShutdown() };
}
