import { once } from 'node:events';
import { createServer } from 'node:net';
import { status as GrpcStatus, ServerCredentials } from '@grpc/grpc-js';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { parseEndpoint } from '../../../replicator/target/milvus/endpoint.ts';
import { MilvusTarget, type MilvusTargetOptions } from '../../../replicator/target/milvus/milvus-target.ts';
import type { Answer, RowsRequest } from '../../../replicator/target/target.ts';
import { DataType } from '../../../replicator/wire/gen/schema_pb.ts';
import { buildRows } from '../../support/rows.ts';
import { waitUntil } from '../../support/stack/wait-until.ts';
import { selfSigned } from './certificate.ts';
import { type Handling, ScriptedMilvus } from './milvus-server.ts';

const FIELDS = [
  { id: 100, name: 'id', type: DataType.INT64, primary: true },
  { id: 101, name: 'v', type: DataType.BINARY_VECTOR, dim: 8 },
];
const opened: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0)) await one.stop();
});

test('a write that got its answer is applied, over a connection that is used again', async () => {
  const { server, target } = await serve(() => OK);
  expect([await target.write(insert(), 5_000), await target.write(insert(), 5_000)]).toEqual([
    APPLIED,
    APPLIED,
  ]);
  expect(server.connections).toBe(1);
});

test('writes at the same time go over connections of their own', async () => {
  const { server, target } = await serve(() => OK);
  await Promise.all([1, 2, 3].map(() => target.write(insert(), 5_000)));
  expect(server.connections).toBe(3);
});

test('a write without an answer in time is ambiguous, and its connection is reset before that is told', async () => {
  const { server, target } = await serve((_, count) => (count === 1 ? HANG : OK));
  const started = performance.now();
  expect(await target.write(insert(), 300)).toMatchObject({ kind: 'ambiguous' });
  expect(performance.now() - started).toBeLessThan(2_000);
  await waitUntil(async () => server.endings[0] === 'reset', { what: 'the reset is seen', timeoutMs: 2_000 });
  expect(await target.write(insert(), 5_000)).toEqual(APPLIED);
  expect([server.connections, server.received.length]).toEqual([2, 2]);
});

test('giving one write up disturbs no other', async () => {
  const { server, target } = await serve((method) => (method === 'Delete' ? HANG : OK));
  const remove = { kind: 'delete', database: '', collection: 'c', keyField: 'id', keys: [1n] } as const;
  const hanging = target.write(remove, 1_500);
  const inserts = Array.from({ length: 3 }, () => target.write(insert(), 5_000));
  expect(await Promise.all(inserts)).toEqual([APPLIED, APPLIED, APPLIED]);
  expect(await hanging).toMatchObject({ kind: 'ambiguous' });
  await waitUntil(async () => server.endings.length > 0, { what: 'the reset is seen', timeoutMs: 2_000 });
  expect(server.endings).toEqual(['reset']);
});

test('a request that was still on its way when it was given up never arrives', async () => {
  const { server, target } = await serve(() => OK);
  await target.write(insert(), 5_000);
  server.stall();
  expect(await target.write(insert(4_000_000), 500)).toMatchObject({ kind: 'ambiguous' });
  server.resume();
  await waitUntil(async () => server.endings.length === 1, {
    what: 'the connection has ended',
    timeoutMs: 2_000,
  });
  expect(server.endings).toEqual(['reset']);
  expect(server.received).toHaveLength(1);
});

test('a connection that breaks under a write leaves it ambiguous, and it is not sent twice', async () => {
  const { server, target } = await serve((_, count) => (count === 1 ? HANG : OK));
  const write = target.write(insert(), 10_000);
  await waitUntil(async () => server.received.length === 1, { what: 'it has arrived', timeoutMs: 5_000 });
  server.disconnect();
  expect(await write).toMatchObject({ kind: 'ambiguous' });
  expect(server.received).toHaveLength(1);
  expect(await target.write(insert(), 5_000)).toEqual(APPLIED);
});

test('a server that went away between two writes costs none: the connection is made anew first', async () => {
  const { server, target } = await serve(() => OK);
  await target.write(insert(), 5_000);
  server.disconnect();
  await waitUntil(async () => server.endings.length === 1, { what: 'it is disconnected', timeoutMs: 2_000 });
  // The client hears of it a moment later than the server; until then a write is, rightly, ambiguous.
  await waitUntil(async () => (await target.write(insert(), 5_000)).kind === 'applied', {
    what: 'a write is applied again',
    timeoutMs: 5_000,
  });
});

test('a target that cannot be reached was certainly sent nothing', async () => {
  const port = await unusedPort();
  const target = open({ address: `127.0.0.1:${port}`, connectTimeoutMs: 300 });
  expect(await target.write(insert(), 5_000)).toMatchObject({ kind: 'rejected', retryable: true, code: -14 });
});

test('a target that takes the connection and says nothing was certainly sent nothing', async () => {
  const mute = createServer((socket) => socket.on('error', () => {}));
  mute.listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const { port } = mute.address() as { port: number };
  const target = open({ address: `127.0.0.1:${port}`, connectTimeoutMs: 300 });
  expect(await target.write(insert(), 5_000)).toMatchObject({ kind: 'rejected', retryable: true });
  mute.close();
});

test.each<[string, Handling, Partial<Answer>]>([
  ['a full queue', { kind: 'answer', code: 4 }, { kind: 'rejected', retryable: true, code: 4 }],
  ['a bad parameter', { kind: 'answer', code: 1100 }, { kind: 'rejected', retryable: false, code: 1100 }],
  ['an unexpected error', { kind: 'answer', code: 65_535 }, { kind: 'ambiguous' }],
  [
    'a refused login',
    { kind: 'fail', grpcStatus: GrpcStatus.UNAUTHENTICATED },
    { kind: 'rejected', code: -16 },
  ],
  ['an internal gRPC error', { kind: 'fail', grpcStatus: GrpcStatus.INTERNAL }, { kind: 'ambiguous' }],
  ['an unavailable service', { kind: 'fail', grpcStatus: GrpcStatus.UNAVAILABLE }, { kind: 'ambiguous' }],
  ['an answer that cannot be read', { kind: 'garbage' }, { kind: 'ambiguous' }],
])('%s is answered as what it is, after one attempt', async (_, handling, expected) => {
  const { server, target } = await serve(() => handling);
  expect(await target.write(insert(), 5_000)).toMatchObject(expected);
  expect(server.received).toHaveLength(1);
});

test('a request beyond what a server takes is rejected without being sent', async () => {
  const { server, target } = await serve(() => OK);
  const answer = await target.write(insert(65 * 1024 * 1024), 20_000);
  expect(answer).toMatchObject({ kind: 'rejected', retryable: false, code: 1102 });
  expect(server.received).toEqual([]);
});

test('close ends what is under way, and it is ambiguous', async () => {
  const { server, target } = await serve(() => HANG);
  const write = target.write(insert(), 20_000);
  await waitUntil(async () => server.received.length === 1, { what: 'it has arrived', timeoutMs: 5_000 });
  await target.close();
  expect(await write).toMatchObject({ kind: 'ambiguous' });
  await waitUntil(async () => server.endings[0] === 'reset', { what: 'the reset is seen', timeoutMs: 2_000 });
});

test('login and database travel with each request', async () => {
  const { server } = await serve(() => OK);
  const target = open({ address: server.address, userInfo: 'root:pa%20ss@', path: '/sales' });
  await target.write(insert(), 5_000);
  expect(server.received[0]).toMatchObject({
    authorization: Buffer.from('root:pa ss').toString('base64'),
    database: 'sales',
  });
});

test('TLS is spoken with a server whose certificate is trusted, and reset just the same', async () => {
  const { cert, key } = await selfSigned('milvus.test');
  const credentials = ServerCredentials.createSsl(null, [
    { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) },
  ]);
  const server = await ScriptedMilvus.start((_, count) => (count === 1 ? OK : HANG), credentials);
  opened.push(server);
  const secure = { address: server.address, scheme: 'https' } as const;
  const target = open({ ...secure, tls: { ca: cert, serverName: 'milvus.test' } });
  expect(await target.write(insert(), 5_000)).toEqual(APPLIED);
  expect(await target.write(insert(), 500)).toMatchObject({ kind: 'ambiguous' });
  await waitUntil(async () => server.endings[0] === 'reset', { what: 'the reset is seen', timeoutMs: 2_000 });

  const distrustful = open({ ...secure, connectTimeoutMs: 500, tls: { serverName: 'milvus.test' } });
  expect(await distrustful.write(insert(), 5_000)).toMatchObject({ kind: 'rejected', retryable: true });
  expect(server.received).toHaveLength(2);
});

const OK: Handling = { kind: 'answer', code: 0 };
const HANG: Handling = { kind: 'hang' };
const APPLIED: Answer = { kind: 'applied' };

function insert(bytes = 16): RowsRequest {
  const rows = Array.from({ length: 4 }, (_, at) => ({
    id: BigInt(at),
    v: new Uint8Array(Math.ceil(bytes / 4)),
  }));
  const fields = FIELDS.map((field) =>
    field.name === 'v' ? { ...field, dim: Math.ceil(bytes / 4) * 8 } : field,
  );
  return { kind: 'insert', database: 'default', collection: 'c', parts: [buildRows(fields, rows)] };
}

async function serve(script: (method: string, count: number) => Handling) {
  const server = await ScriptedMilvus.start(script);
  opened.push(server);
  return { server, target: open({ address: server.address }) };
}

interface Opening extends Pick<MilvusTargetOptions, 'tls' | 'connectTimeoutMs'> {
  readonly address: string;
  readonly scheme?: 'http' | 'https' | undefined;
  readonly userInfo?: string | undefined;
  readonly path?: string | undefined;
}

function open({ address, scheme = 'http', userInfo = '', path = '', ...options }: Opening): MilvusTarget {
  const endpoint = parseEndpoint(`${scheme}://${userInfo}${address}${path}`);
  const target = new MilvusTarget({ ...options, endpoint, logger: pino({ level: 'silent' }) });
  opened.unshift({ stop: () => target.close() });
  return target;
}

/** Free a moment ago, and nobody listens there. */
async function unusedPort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
