import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { TargetSecret } from '#shared/secrets/secret-store.ts';
import { refusedAddress } from '#shared/target-rules.ts';
import type { TargetConnection } from '#shared/task/task.ts';
import type { RefusedAddress } from '../../../functions/probe/guarded-lookup.ts';
import { MilvusTargetProbe } from '../../../functions/probe/milvus-target-probe.ts';
import { TargetRefusedError } from '../../../functions/probe/target-probe.ts';
import { selfSigned } from '../target/certificate.ts';
import { startFakeMilvus } from './fake-milvus.ts';

const BUDGET_MS = 2_000;

interface Target {
  readonly uri: string;
  readonly tls?: TargetConnection['tls'];
  readonly secret?: TargetSecret | undefined;
  readonly budgetMs?: number | undefined;
}

/** The version, or the sentence. */
async function check({ uri, tls, secret, budgetMs = BUDGET_MS }: Target): Promise<string> {
  const connection = { uri, connectTimeoutMs: budgetMs, ignorePartition: false, ...(tls && { tls }) };
  try {
    return (await new MilvusTargetProbe().check(connection, secret, budgetMs)).version;
  } catch (error) {
    expect(error).toMatchObject({ name: 'TargetProbeError' });
    return (error as Error).message;
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

test('a target that answers tells its version', async () => {
  await using milvus = await startFakeMilvus();
  expect(await check({ uri: `http://127.0.0.1:${milvus.port}` })).toBe('v2.9.9');
  expect(await check({ uri: `http://127.0.0.1:${milvus.port}/db1`, secret: { token: 'u:p' } })).toBe(
    'v2.9.9',
  );
});

test('a wrong login is told apart from a missing one, and neither is shown', async () => {
  await using milvus = await startFakeMilvus({ token: 'root:Milvus' });
  const uri = `http://127.0.0.1:${milvus.port}`;
  const where = `127.0.0.1:${milvus.port}`;
  expect(await check({ uri, secret: { token: 'root:Milvus' } })).toBe('v2.9.9');
  expect(await check({ uri, secret: { token: 'root:s3cret' } })).toBe(
    `${where} is a Milvus, but it refuses this login`,
  );
  expect(await check({ uri })).toBe(`${where} is a Milvus, but it asks for a login`);
});

test('a closed port and a name that does not exist are told apart', async () => {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, 'close');
  expect(await check({ uri: `http://127.0.0.1:${port}` })).toBe(`nothing listens at 127.0.0.1:${port}`);
  expect(await check({ uri: 'http://no-such-host.invalid:1' })).toBe(
    'the host name of no-such-host.invalid:1 cannot be resolved',
  );
});

test('a target that accepts and says nothing is given up in time', async () => {
  const server = createServer();
  const port = await listen(server);
  await using silent = await startFakeMilvus({ silent: true });
  for (const [uri, sentence] of [
    [`http://127.0.0.1:${port}`, /does not answer as a Milvus does, context deadline exceeded$/],
    [`http://127.0.0.1:${silent.port}`, /does not answer as a Milvus does, context deadline exceeded$/],
    [`https://127.0.0.1:${port}`, /did not answer within 0.5 s$/],
  ] as const) {
    const before = performance.now();
    expect(await check({ uri, budgetMs: 500 })).toMatch(sentence);
    expect(performance.now() - before).toBeLessThan(1_500);
  }
  server.close();
});

test('a server that speaks something else is told', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('220 smtp ready\r\n');
  });
  const port = await listen(server);
  expect(await check({ uri: `http://127.0.0.1:${port}` })).toMatch(
    new RegExp(`^127.0.0.1:${port} accepts connections but does not `),
  );
  server.close();
});

test('TLS needs an authority that is trusted, and a client certificate where one is asked for', async () => {
  const { cert, key } = await selfSigned('localhost');
  await using milvus = await startFakeMilvus({ tls: { cert, key } });
  const uri = `https://localhost:${milvus.port}`;
  expect(await check({ uri, tls: { caPem: cert } })).toBe('v2.9.9');
  expect(await check({ uri, tls: { serverPem: cert } })).toBe('v2.9.9');
  expect(
    await check({ uri: `https://127.0.0.1:${milvus.port}`, tls: { caPem: cert, serverName: 'localhost' } }),
  ).toBe('v2.9.9');
  expect(await check({ uri })).toBe(
    `no TLS connection to localhost:${milvus.port}: DEPTH_ZERO_SELF_SIGNED_CERT`,
  );
  expect(await check({ uri: `https://127.0.0.1:${milvus.port}`, tls: { caPem: cert } })).toMatch(
    /: ERR_TLS_CERT_ALTNAME_INVALID$/,
  );
  expect(await check({ uri: `http://127.0.0.1:${milvus.port}` })).toMatch(
    /^127.0.0.1:\d+ accepts connections but/,
  );

  await using mutual = await startFakeMilvus({ tls: { cert, key, clientCa: cert } });
  const mutualUri = `https://localhost:${mutual.port}`;
  const secret = { token: '', clientKeyPem: key };
  expect(await check({ uri: mutualUri, tls: { caPem: cert, clientCertPem: cert }, secret })).toBe('v2.9.9');
  expect(await check({ uri: mutualUri, tls: { caPem: cert } })).toMatch(/localhost:\d+/);
});

test('TLS towards a server that has none is told', async () => {
  await using milvus = await startFakeMilvus();
  expect(await check({ uri: `https://127.0.0.1:${milvus.port}` })).toMatch(
    /^no TLS connection to 127.0.0.1:\d+: /,
  );
});

test('PEM that is none is told without being shown', async () => {
  await using milvus = await startFakeMilvus();
  const sentence = await check({
    uri: `https://127.0.0.1:${milvus.port}`,
    tls: { caPem: '-----BEGIN broken', clientCertPem: '-----BEGIN broken' },
    secret: { token: '', clientKeyPem: '-----BEGIN s3cret' },
  });
  expect(sentence).toMatch(/^the certificates or the key given for 127.0.0.1:\d+ cannot be used: ERR_OSSL/);
  expect(sentence).not.toContain('s3cret');
});

describe('where not every address is allowed', () => {
  /** Checks a target that listens on the loopback interface, where nobody may connect to what `refused` says. */
  async function guarded(target: Target, refused: RefusedAddress): Promise<unknown> {
    const { uri, tls, secret } = target;
    const connection = { uri, connectTimeoutMs: BUDGET_MS, ignorePartition: false, ...(tls && { tls }) };
    return new MilvusTargetProbe({ refused })
      .check(connection, secret, BUDGET_MS)
      .catch((error: unknown) => error);
  }

  test.each(['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '0.0.0.0', '2130706433', '127.1'])(
    '%s is refused without a connection',
    async (host) => {
      let connections = 0;
      const server = createServer(() => {
        connections += 1;
      });
      const port = await listen(server);
      const failure = await guarded({ uri: `http://${host}:${port}` }, refusedAddress);
      expect(failure).toBeInstanceOf(TargetRefusedError);
      expect((failure as Error).message).toMatch(
        /a loopback address: a target has to be reached through the network$/,
      );
      expect(connections).toBe(0);
      server.close();
    },
  );

  test.each(['http://169.254.169.254:80', 'http://[fd00:ec2::254]:80', 'http://169.254.170.2:80'])(
    '%s is refused at once',
    async (uri) => {
      expect(await guarded({ uri }, refusedAddress)).toMatchObject({
        name: 'TargetRefusedError',
        message: expect.stringContaining('is an address of the metadata service'),
      });
    },
  );

  test('a name is refused when one of its addresses is', async () => {
    await using milvus = await startFakeMilvus();
    const addresses: string[] = [];
    const uri = `http://localhost:${milvus.port}`;
    expect(await guarded({ uri }, (address) => void addresses.push(address))).toEqual({ version: 'v2.9.9' });
    const last = addresses.at(-1);
    expect(await guarded({ uri }, (address) => (address === last ? 'is odd' : undefined))).toMatchObject({
      name: 'TargetRefusedError',
      message: `localhost resolves to ${last}, which is odd: a target has to be reached through the network`,
    });
  });

  test('a name that is allowed is logged in to under its name, at the address that was looked at', async () => {
    const { cert, key } = await selfSigned('localhost');
    await using milvus = await startFakeMilvus({ token: 'root:Milvus', tls: { cert, key } });
    const uri = `https://localhost:${milvus.port}`;
    const secret = { token: 'root:Milvus' };
    expect(await guarded({ uri, tls: { caPem: cert }, secret }, () => undefined)).toEqual({
      version: 'v2.9.9',
    });
    expect(await guarded({ uri: 'http://no-such-host.invalid:1' }, () => undefined)).toMatchObject({
      name: 'TargetProbeError',
      message: 'the host name of no-such-host.invalid:1 cannot be resolved',
    });
  });
});
