import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket, type Server as TcpServer } from 'node:net';
import { create, toBinary } from '@bufbuild/protobuf';
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { MutationResultSchema } from '../../../replicator/wire/gen/milvus_pb.ts';

export type Handling =
  | { readonly kind: 'answer'; readonly code: number; readonly reason?: string | undefined }
  | { readonly kind: 'fail'; readonly grpcStatus: number }
  /** Takes the request and never answers. */
  | { readonly kind: 'hang' }
  /** Bytes that are no MutationResult. */
  | { readonly kind: 'garbage' };

export interface Received {
  readonly method: string;
  readonly bytes: number;
  readonly authorization: string | undefined;
  readonly database: string | undefined;
}

/** A server with the write methods of Milvus's service that does as told: for what a real one does only by chance. Between
 *  it and the client stands a relay that sees how TCP connections end. */
export class ScriptedMilvus {
  readonly received: Received[] = [];
  /** How each TCP connection of a client ended: `reset`, or `closed` politely. */
  readonly endings: ('reset' | 'closed')[] = [];
  connections = 0;
  readonly #script: (method: string, count: number) => Handling;
  readonly #server = new Server({ 'grpc.max_receive_message_length': -1 });
  readonly #relay: TcpServer;
  readonly #sockets = new Set<Socket>();
  /** While true the relay takes nothing more from its clients. */
  #stalled = false;

  private constructor(script: (method: string, count: number) => Handling) {
    this.#script = script;
    this.#relay = createServer();
  }

  static async start(
    script: (method: string, count: number) => Handling,
    credentials: ServerCredentials = ServerCredentials.createInsecure(),
  ): Promise<ScriptedMilvus> {
    const scripted = new ScriptedMilvus(script);
    scripted.#server.addService(service(), scripted.#handlers());
    const port = await new Promise<number>((resolve, reject) => {
      scripted.#server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    scripted.#relay.on('connection', (client) => scripted.#forward(client, port));
    scripted.#relay.listen(0, '127.0.0.1');
    await once(scripted.#relay, 'listening');
    return scripted;
  }

  /** `127.0.0.1:<port>` */
  get address(): string {
    return `127.0.0.1:${(this.#relay.address() as AddressInfo).port}`;
  }

  stall(): void {
    this.#stalled = true;
    for (const socket of this.#sockets) socket.pause();
  }

  resume(): void {
    this.#stalled = false;
    for (const socket of this.#sockets) socket.resume();
  }

  /** Ends all connections, as a server does that dies. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    this.disconnect();
    this.#relay.close();
    this.#server.forceShutdown();
    await once(this.#relay, 'close');
  }

  #handlers() {
    const handle =
      (method: string) => (call: Call, answer: (error: object | null, bytes?: Buffer) => void) => {
        const header = (name: string): string | undefined => call.metadata.get(name)[0]?.toString();
        this.received.push({
          method,
          bytes: call.request.length,
          authorization: header('authorization'),
          database: header('dbname'),
        });
        const handling = this.#script(method, this.received.length);
        if (handling.kind === 'answer') answer(null, mutationResult(handling));
        else if (handling.kind === 'fail') answer({ code: handling.grpcStatus, details: 'as scripted' });
        else if (handling.kind === 'garbage') answer(null, Buffer.from([0xff, 0xff, 0xff]));
      };
    return { Insert: handle('Insert'), Upsert: handle('Upsert'), Delete: handle('Delete') };
  }

  #forward(client: Socket, port: number): void {
    this.connections++;
    this.#sockets.add(client);
    const server = connect(port, '127.0.0.1');
    // pipe() would undo a pause.
    client.on('data', (chunk) => {
      server.write(chunk);
      if (this.#stalled) client.pause();
    });
    server.pipe(client);
    let reset = false;
    client.on('error', (error: NodeJS.ErrnoException) => {
      reset = error.code === 'ECONNRESET';
    });
    client.on('close', () => {
      this.#sockets.delete(client);
      this.endings.push(reset ? 'reset' : 'closed');
      server.destroy();
    });
    server.on('error', () => client.destroy());
    server.on('close', () => client.destroy());
  }
}

interface Call {
  readonly request: Buffer;
  readonly metadata: { get(name: string): readonly (string | Buffer)[] };
}

function mutationResult({
  code,
  reason = '',
}: {
  readonly code: number;
  readonly reason?: string | undefined;
}): Buffer {
  const result = create(MutationResultSchema, {
    status: { code, reason, errorCode: code === 0 ? 0 : 1 },
    ids: { idField: { case: 'intId', value: { data: [1n, 2n] } } },
  });
  return Buffer.from(toBinary(MutationResultSchema, result));
}

function service(): ServiceDefinition {
  const raw = (bytes: Buffer): Buffer => bytes;
  const method = (name: string) => ({
    path: `/milvus.proto.milvus.MilvusService/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: raw,
    requestDeserialize: raw,
    responseSerialize: raw,
    responseDeserialize: raw,
  });
  return { Insert: method('Insert'), Upsert: method('Upsert'), Delete: method('Delete') };
}
