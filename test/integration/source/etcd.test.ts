import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SourceUnavailableError } from '../../../replicator/source/change-source.ts';
import { EtcdCatalog } from '../../../replicator/source/kafka/etcd-catalog.ts';
import { EtcdClient, prefixEnd } from '../../../replicator/source/kafka/etcd-client.ts';
import { EtcdEndpoint } from '../../../replicator/source/kafka/etcd-endpoint.ts';
import { DatabaseInfoSchema } from '../../../replicator/wire/gen/etcd_meta_pb.ts';
import {
  CompactionRequestSchema,
  CompactionResponseSchema,
  DeleteRangeRequestSchema,
  DeleteRangeResponseSchema,
  PutRequestSchema,
  PutResponseSchema,
} from '../../../replicator/wire/gen/etcd_rpc_pb.ts';
import { RunFolder } from '../../support/stack/run-folder.ts';
import { type EtcdCluster, makeCertificates, startEtcd } from './etcd-server.ts';

/** The client and the catalog against real etcd servers: logins, TLS, outages, compactions. */

const ROOT = 'by-dev/meta';
const DATABASES = `${ROOT}/root-coord/database/db-info/`;
const run = new RunFolder();
afterAll(() => run.remove());

const patience = (): AbortSignal => AbortSignal.timeout(30_000);

function newClient(cluster: EtcdCluster, more: object = {}): EtcdClient {
  const endpoints = cluster.members.map(({ address }) => address);
  return new EtcdClient({ endpoints, rootPath: 'by-dev', metaSubPath: 'meta', ...more });
}

/** Writes to etcd, as Milvus would. */
class Writer {
  readonly #endpoint: EtcdEndpoint;

  constructor({ members: [first] }: EtcdCluster) {
    this.#endpoint = new EtcdEndpoint(first?.address ?? '', undefined);
  }

  async putDatabase(id: bigint, name: string): Promise<bigint> {
    return this.put(
      `${DATABASES}${id}`,
      toBinary(DatabaseInfoSchema, create(DatabaseInfoSchema, { id, name })),
    );
  }

  async put(key: string, value: Uint8Array): Promise<bigint> {
    const method = { path: '/etcdserverpb.KV/Put', request: PutRequestSchema, response: PutResponseSchema };
    const answer = await this.#endpoint.call(method, { key: Buffer.from(key), value }, CALL());
    return answer.header?.revision ?? 0n;
  }

  async remove(prefix: string): Promise<void> {
    const method = {
      path: '/etcdserverpb.KV/DeleteRange',
      request: DeleteRangeRequestSchema,
      response: DeleteRangeResponseSchema,
    };
    const range = { key: Buffer.from(prefix), rangeEnd: Buffer.from(prefixEnd(prefix)) };
    await this.#endpoint.call(method, range, CALL());
  }

  async compact(revision: bigint): Promise<void> {
    const method = {
      path: '/etcdserverpb.KV/Compact',
      request: CompactionRequestSchema,
      response: CompactionResponseSchema,
    };
    await this.#endpoint.call(method, { revision, physical: true }, CALL());
  }

  close(): void {
    this.#endpoint.close();
  }
}

const CALL = () => ({ timeoutMs: 5_000, signal: patience(), token: undefined });

async function names(catalog: EtcdCatalog): Promise<readonly string[]> {
  const { databases } = await catalog.read(patience());
  return [...databases.values()].map(({ name }) => name).sort();
}

describe('one server', () => {
  let cluster: EtcdCluster;
  let client: EtcdClient;
  let writer: Writer;
  let catalog: EtcdCatalog;

  beforeAll(async () => {
    cluster = await startEtcd({ run });
    client = newClient(cluster);
    writer = new Writer(cluster);
    catalog = new EtcdCatalog(client, ROOT);
  });
  afterAll(() => {
    catalog.close();
    client.close();
    writer.close();
  });

  test('a listing spans pages and is of one revision', async () => {
    const prefix = 'paging/';
    for (let at = 0; at < 4_500; at += 500) {
      const puts = Array.from({ length: 500 }, (_, i) => writer.put(`${prefix}${at + i}`, Buffer.from('x')));
      await Promise.all(puts);
    }
    const writing = (async () => {
      for (let i = 0; i < 50; i += 1) await writer.put(`${prefix}a${i}`, Buffer.from('y'));
    })();
    const { kvs, count, revision } = await client.list(prefix, prefixEnd(prefix), {}, patience());
    await writing;
    expect(BigInt(kvs.length)).toBe(count);
    expect(kvs.every((kv) => kv.modRevision <= revision)).toBe(true);
    expect(new Set(kvs.map((kv) => Buffer.from(kv.key).toString())).size).toBe(kvs.length);
    const again = await client.list(prefix, prefixEnd(prefix), { revision }, patience());
    expect(again.kvs.length).toBe(kvs.length);
  });

  test('a limit ends a listing', async () => {
    const { kvs } = await client.list('paging/', 'paging0', { limit: 3, keysOnly: true }, patience());
    expect(kvs).toHaveLength(3);
  });

  test('rows that are written, written over and deleted show in the next read', async () => {
    expect(await names(catalog)).toEqual(['default']);
    await writer.putDatabase(5n, 'five');
    await writer.putDatabase(6n, 'six');
    expect(await names(catalog)).toEqual(['default', 'five', 'six']);
    await writer.putDatabase(5n, 'renamed');
    expect(await names(catalog)).toEqual(['default', 'renamed', 'six']);
    await writer.put(`${DATABASES}6`, Buffer.of(0xe2, 0x9b, 0xbc));
    expect(await names(catalog)).toEqual(['default', 'renamed']);
    await writer.remove(`${DATABASES}5`);
    expect(await names(catalog)).toEqual(['default']);
  });

  test('a row that is deleted while another one is written shows too', async () => {
    await writer.putDatabase(7n, 'seven');
    expect(await names(catalog)).toContain('seven');
    await writer.remove(`${DATABASES}7`);
    await writer.putDatabase(8n, 'eight');
    expect(await names(catalog)).toEqual(['default', 'eight']);
  });

  test('a compaction of all history neither hides a change nor fails a read', async () => {
    await writer.putDatabase(9n, 'nine');
    await catalog.read(patience());
    const revision = await writer.putDatabase(9n, 'nine again');
    await writer.putDatabase(10n, 'ten');
    await writer.compact(revision);
    expect(await names(catalog)).toContain('nine again');
    expect(await names(catalog)).toContain('ten');
  });

  test('a watch wakes within milliseconds', async () => {
    const { revision } = await catalog.read(patience());
    await catalog.awaitChange(revision, 100, patience());
    const seen = await catalog.read(patience());
    const waiting = catalog.awaitChange(seen.revision, 20_000, patience());
    await sleep(50);
    expect(catalog.wakesAtOnce).toBe(true);
    const start = performance.now();
    await writer.putDatabase(11n, 'eleven');
    await waiting;
    expect(performance.now() - start).toBeLessThan(500);
  });

  test('a change elsewhere does not wake', async () => {
    const { revision } = await catalog.read(patience());
    await catalog.awaitChange(revision, 100, patience());
    const seen = await catalog.read(patience());
    const start = performance.now();
    const waiting = catalog.awaitChange(seen.revision, 600, patience());
    await writer.put('by-dev/kv/gid/timestamp', Buffer.alloc(8));
    await writer.put(`${ROOT}/datacoord-meta/s/1`, Buffer.from('x'));
    await writer.put(`${ROOT}/snapshots/root-coord/database/db-info/1_ts1`, Buffer.from('x'));
    await waiting;
    expect(performance.now() - start).toBeGreaterThan(550);
  });

  test('a restart of the server ends the wait, and the watch stands again', async () => {
    const { revision } = await catalog.read(patience());
    await catalog.awaitChange(revision, 100, patience());
    const { revision: before } = await catalog.read(patience());
    const waiting = catalog.awaitChange(before, 20_000, patience());
    await cluster.members[0]?.restart();
    const start = performance.now();
    await waiting;
    expect(performance.now() - start).toBeLessThan(5_000);
    await expect.poll(() => names(catalog), { timeout: 10_000 }).toContain('eleven');
    await expect
      .poll(
        async () => {
          await catalog.awaitChange((await catalog.read(patience())).revision, 200, patience());
          return catalog.wakesAtOnce;
        },
        { timeout: 15_000 },
      )
      .toBe(true);
  });

  test('reads fail in bounded time while the server is away, and work when it is back', async () => {
    const [member] = cluster.members;
    await member?.kill();
    const start = performance.now();
    await expect(catalog.read(patience())).rejects.toThrow(SourceUnavailableError);
    await expect(catalog.read(patience())).rejects.toThrow(member?.address ?? '');
    expect(performance.now() - start).toBeLessThan(5_000);
    const waited = performance.now();
    await catalog.awaitChange(1_000_000_000n, 1_000, patience());
    expect(performance.now() - waited).toBeLessThan(2_000);
    await member?.start();
    await expect.poll(() => names(catalog).catch(() => []), { timeout: 10_000 }).toContain('eleven');
  });

  test('reads fail in bounded time while the server is frozen', async () => {
    const [member] = cluster.members;
    member?.suspend();
    try {
      const start = performance.now();
      await expect(catalog.read(patience())).rejects.toThrow(SourceUnavailableError);
      expect(performance.now() - start).toBeLessThan(15_000);
    } finally {
      member?.resume();
    }
    await expect.poll(() => names(catalog).catch(() => []), { timeout: 10_000 }).toContain('eleven');
  });

  test('a read ends at once when its signal aborts', async () => {
    const stop = new AbortController();
    cluster.members[0]?.suspend();
    try {
      const reading = catalog.read(stop.signal);
      setTimeout(() => stop.abort(new Error('enough')), 100);
      const start = performance.now();
      await expect(reading).rejects.toThrow('enough');
      expect(performance.now() - start).toBeLessThan(1_000);
    } finally {
      cluster.members[0]?.resume();
    }
  });
});

describe('a server with logins', () => {
  let cluster: EtcdCluster;
  const auth = { username: 'reader', password: 'a-secret-of-the-reader' };

  beforeAll(async () => {
    cluster = await startEtcd({ run, tokenSeconds: 2 });
    const writer = new Writer(cluster);
    await writer.putDatabase(5n, 'five');
    await writer.put('elsewhere/key', Buffer.from('x'));
    writer.close();
    for (const command of [
      ['user', 'add', 'root:root'],
      ['role', 'add', 'root'],
      ['user', 'grant-role', 'root', 'root'],
      ['user', 'add', `${auth.username}:${auth.password}`],
      ['role', 'add', 'milvus'],
      ['role', 'grant-permission', 'milvus', '--prefix=true', 'read', 'by-dev/'],
      ['user', 'grant-role', auth.username, 'milvus'],
      ['auth', 'enable'],
    ]) {
      await cluster.ctl(...command);
    }
  });

  const asRoot = (...args: readonly string[]): Promise<string> => cluster.ctl('--user', 'root:root', ...args);
  const put = (id: number, value = '\u26fc'): Promise<string> => asRoot('put', `${DATABASES}${id}`, value);

  test('lets a reader in who may read nothing but the metadata', async () => {
    const client = newClient(cluster, { auth });
    expect(await names(new EtcdCatalog(client, ROOT))).toEqual(['default', 'five']);
    await expect(client.list('elsewhere/', 'elsewhere0', {}, patience())).rejects.toThrow(
      /permission denied/,
    );
    client.close();
  });

  test('is read again after the login has run out', async () => {
    const client = newClient(cluster, { auth });
    const catalog = new EtcdCatalog(client, ROOT);
    for (let round = 0; round < 2; round += 1) {
      expect(await names(catalog)).toEqual(['default', 'five']);
      await sleep(4_000);
    }
    await Promise.all([names(catalog), names(catalog), names(catalog)]);
    client.close();
  });

  test('wakes a reader whose login has run out meanwhile', async () => {
    const client = newClient(cluster, { auth });
    const catalog = new EtcdCatalog(client, ROOT);
    let seen = (await catalog.read(patience())).revision;
    await catalog.awaitChange(seen, 100, patience());
    for (let round = 0; round < 3; round += 1) {
      seen = (await catalog.read(patience())).revision;
      const waiting = catalog.awaitChange(seen, 20_000, patience());
      await sleep(3_000);
      const start = performance.now();
      await put(20 + round);
      await waiting;
      expect(performance.now() - start).toBeLessThan(2_000);
    }
    catalog.close();
    client.close();
  });

  test('is read again after a restart, which forgets all logins', async () => {
    const client = newClient(cluster, { auth });
    const catalog = new EtcdCatalog(client, ROOT);
    await names(catalog);
    await cluster.members[0]?.restart();
    await expect.poll(() => names(catalog).catch(() => []), { timeout: 10_000 }).toContain('five');
    client.close();
  });

  test('refuses a wrong password with a sentence that does not hold it', async () => {
    const client = newClient(cluster, { auth: { ...auth, password: 'a-wrong-password' } });
    const failure = await client.list('by-dev/', 'by-dev0', {}, patience()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SourceUnavailableError);
    expect(String(failure)).toMatch(/authentication failed/);
    expect(inspect(failure, { depth: 30, showHidden: true })).not.toContain('a-wrong-password');
    client.close();
  });

  test('refuses a client without a login', async () => {
    const client = newClient(cluster);
    await expect(client.list('by-dev/', 'by-dev0', {}, patience())).rejects.toThrow(/user name is empty/);
    client.close();
  });
});

describe('a server without logins', () => {
  test('is read by a client that has one', async () => {
    const cluster = await startEtcd({ run });
    const client = newClient(cluster, { auth: { username: 'u', password: 'p' } });
    expect(await names(new EtcdCatalog(client, ROOT))).toEqual(['default']);
    const catalog = new EtcdCatalog(client, ROOT);
    await catalog.awaitChange(0n, 1_000, patience());
    expect(catalog.wakesAtOnce).toBe(true);
    catalog.close();
    client.close();
  });
});

describe('a server with TLS', () => {
  test('is read with the authority and a client certificate, given as paths or as text', async () => {
    const folder = join(run.path, 'certificates');
    mkdirSync(folder);
    const files = await makeCertificates(folder);
    const cluster = await startEtcd({ run, tls: files });
    const text = {
      ca: readFileSync(files.ca, 'utf8'),
      cert: readFileSync(files.cert, 'utf8'),
      key: readFileSync(files.key, 'utf8'),
    };
    for (const tls of [files, text, { ...files, serverName: 'etcd.test' }]) {
      const client = newClient(cluster, { tls });
      const catalog = new EtcdCatalog(client, ROOT);
      expect(await names(catalog)).toEqual(['default']);
      await catalog.awaitChange(0n, 1_000, patience());
      expect(catalog.wakesAtOnce).toBe(true);
      catalog.close();
      client.close();
    }
    for (const tls of [{ ca: files.ca }, {}, { ...files, serverName: 'other.test' }, undefined]) {
      const client = newClient(cluster, { tls });
      await expect(client.list('by-dev/', 'by-dev0', {}, patience())).rejects.toThrow(SourceUnavailableError);
      client.close();
    }
  });
});

describe('a cluster of three', () => {
  let cluster: EtcdCluster;
  beforeAll(async () => {
    cluster = await startEtcd({ run, members: 3 });
    const writer = new Writer(cluster);
    await writer.putDatabase(5n, 'five');
    writer.close();
  });

  test('is read on while any one member is away', async () => {
    const client = newClient(cluster);
    const catalog = new EtcdCatalog(client, ROOT);
    for (const member of cluster.members) {
      await member.kill();
      // While a new leader is being elected reads may fail for a moment.
      await expect.poll(() => names(catalog).catch(() => []), { timeout: 15_000 }).toContain('five');
      await member.start();
    }
    client.close();
  });

  test('never answers from a member that is cut off', async () => {
    const client = newClient(cluster);
    const catalog = new EtcdCatalog(client, ROOT);
    await names(catalog);
    const [, second, third] = cluster.members;
    await Promise.all([second?.kill(), third?.kill()]);
    const start = performance.now();
    await expect(catalog.read(patience())).rejects.toThrow(SourceUnavailableError);
    expect(performance.now() - start).toBeLessThan(20_000);
    await Promise.all([second?.start(), third?.start()]);
    await expect.poll(() => names(catalog).catch(() => []), { timeout: 15_000 }).toContain('five');
    client.close();
  });
});
