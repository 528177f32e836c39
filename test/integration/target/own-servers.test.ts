import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseEndpoint } from '../../../replicator/target/milvus/endpoint.ts';
import { MilvusTarget } from '../../../replicator/target/milvus/milvus-target.ts';
import { TargetRefusedError, TargetUnavailableError } from '../../../replicator/target/target.ts';
import { DataType } from '../../../replicator/wire/gen/schema_pb.ts';
import { buildRows, buildSchema, type FieldSpec } from '../../support/rows.ts';
import type { Settings } from '../../support/stack/milvus-config.ts';
import { type Stack, startStack } from '../../support/stack/stack.ts';
import { waitUntil } from '../../support/stack/wait-until.ts';

/** Servers that are not as they are by default, or that are broken on purpose. */

const FIELDS: readonly FieldSpec[] = [
  { id: 100, name: 'id', type: DataType.INT64, primary: true },
  { id: 101, name: 'v', type: DataType.FLOAT_VECTOR, dim: 2 },
];
const PLACE = { database: 'default', collection: 'own' };
const DEFINITION = {
  ...PLACE,
  schema: buildSchema(PLACE.collection, FIELDS),
  shards: 1,
  consistencyLevel: 0,
  properties: {},
};
const INSERT = { kind: 'insert', ...PLACE, parts: [buildRows(FIELDS, [{ id: 1n, v: [1, 2] }])] } as const;
const APPLIED = { kind: 'applied' };

describe('a server that asks for a login', () => {
  const server = useServer({ common: { security: { authorizationEnabled: true } } });

  test('lets in who knows the password', async () => {
    const target = server.open('root:Milvus');
    await target.createCollection(DEFINITION);
    expect(await target.write(INSERT, 10_000)).toEqual(APPLIED);
  });

  test.each([
    ['a wrong password', 'root:wrong'],
    ['no login', undefined],
    ['an unknown API key', 'nonsense'],
  ])('refuses %s for good, writes and calls alike', async (_, token) => {
    const target = server.open(token);
    await expect(target.describeCollection(PLACE)).rejects.toThrow(TargetRefusedError);
    expect(await target.write(INSERT, 10_000)).toMatchObject({ kind: 'rejected', retryable: false });
  });
});

describe('a server in standby', () => {
  const server = useServer({ common: { ttMsgEnabled: false } });

  test('rejects writes with a code of its own, and they may be sent again', async () => {
    const target = server.open();
    await target.createCollection(DEFINITION);
    expect(await target.write(INSERT, 10_000)).toMatchObject({
      kind: 'rejected',
      retryable: true,
      code: 1303,
    });
  });
});

describe('a server that goes away', () => {
  const server = useServer({});

  test('leaves what it had taken ambiguous, and is used again when it is back', async () => {
    const target = server.open();
    await target.createCollection(DEFINITION);
    expect(await target.write(INSERT, 10_000)).toEqual(APPLIED);

    server.milvus().suspend();
    // All of its threads stop a moment after the signal.
    await waitUntil(async () => (await target.write(INSERT, 500)).kind === 'ambiguous', {
      what: 'it stands still',
      timeoutMs: 5_000,
    });
    expect(await target.write(INSERT, 500)).toMatchObject({ kind: 'rejected', retryable: true });
    server.milvus().resume();
    await waitUntil(async () => (await target.write(INSERT, 5_000)).kind === 'applied', {
      what: 'it takes writes again',
      timeoutMs: 30_000,
    });

    await server.milvus().kill();
    await expect(target.version()).rejects.toThrow(TargetUnavailableError);
    const gone = await target.write(INSERT, 500);
    expect(['ambiguous', 'rejected']).toContain(gone.kind);
    expect(await target.write(INSERT, 500)).toMatchObject({ kind: 'rejected', retryable: true, code: -14 });

    await server.milvus().start();
    await waitUntil(async () => (await target.write(INSERT, 5_000)).kind === 'applied', {
      what: 'it takes writes again',
      timeoutMs: 60_000,
    });
    expect(await target.describeCollection(PLACE)).toBeDefined();
  });

  test('tells the same times of creation of its databases when it is back', async () => {
    const target = server.open();
    await target.createDatabase('kept');
    const made = async () => (await target.listDatabases()).find(({ name }) => name === 'kept');
    const before = await made();
    expect(before?.createdAt).toBeGreaterThan(0n);
    await server.milvus().kill();
    await server.milvus().start();
    await waitUntil(async () => (await made().catch(() => undefined)) !== undefined, {
      what: 'it lists its databases again',
      timeoutMs: 60_000,
    });
    expect(await made()).toEqual(before);
  });
});

function useServer(settings: Settings) {
  let stack: Stack;
  const targets: MilvusTarget[] = [];
  beforeAll(async () => {
    stack = await startStack({ source: false, target: { settings } });
  });
  afterAll(async () => {
    for (const target of targets) await target.close();
    await stack.stop();
  });
  const milvus = () => stack.target;
  return {
    milvus,
    open(token?: string): MilvusTarget {
      const endpoint = parseEndpoint(`http://${milvus().address}`, token);
      const target = new MilvusTarget({ endpoint, logger: pino({ level: 'silent' }), callTimeoutMs: 10_000 });
      targets.push(target);
      return target;
    },
  };
}
