import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Admin, Consumer } from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChannelRecord } from '../../../replicator/engine/change.ts';
import {
  type ChangeSource,
  SourceUnavailableError,
  SourceUnsupportedError,
} from '../../../replicator/source/change-source.ts';
import { type KafkaSourceConfig, kafkaSourceConfig } from '../../../replicator/source/kafka/config.ts';
import { chooseFetchApi } from '../../../replicator/source/kafka/fetch-api.ts';
import { KafkaChangeSource } from '../../../replicator/source/kafka/kafka-change-source.ts';
import { splitBatches } from '../../../replicator/source/kafka/record-batch.ts';
import { tickRecord } from '../../support/records.ts';
import { type KafkaServer, startKafka } from '../../support/stack/kafka.ts';
import { freePorts } from '../../support/stack/ports.ts';
import { RunFolder } from '../../support/stack/run-folder.ts';
import { makeCertificates, type TlsFiles } from './etcd-server.ts';
import { startTwoBrokers } from './kafka-cluster.ts';
import { LOGIN, SESSION_MS, type SecureKafka, startSecureKafka, unsecuredToken } from './secure-kafka.ts';
import { Topics } from './topics.ts';

/** Reading topics of a real broker through its outages, codecs and logins. */

const run = new RunFolder();
afterAll(() => run.remove());

const patience = (ms = 40_000): AbortSignal => AbortSignal.timeout(ms);
const BUFFER = 4 << 20;

function newSource(
  kafka: Omit<KafkaSourceConfig['kafka'], 'bootstrap'>,
  ...bootstrap: string[]
): KafkaChangeSource {
  return new KafkaChangeSource(
    // etcd is not asked for anything here.
    kafkaSourceConfig.parse({ etcd: { endpoints: ['127.0.0.1:1'] }, kafka: { ...kafka, bootstrap } }),
  );
}

interface Reading {
  readonly offsets: readonly bigint[];
  readonly done: Promise<readonly ChannelRecord[]>;
}

/** Reads until `count` records have come, in the background. */
function reading(source: ChangeSource, channel: string, count: number, signal = patience()): Reading {
  const offsets: bigint[] = [];
  const read = async (): Promise<readonly ChannelRecord[]> => {
    const stop = new AbortController();
    const records: ChannelRecord[] = [];
    const options = { maxBufferedBytes: BUFFER, signal: AbortSignal.any([stop.signal, signal]) };
    for await (const some of source.read(channel, 0n, options)) {
      records.push(...some);
      offsets.push(...some.map(({ offset }) => offset));
      if (records.length >= count) stop.abort();
    }
    return records;
  };
  const done = read();
  done.catch(() => undefined);
  return { offsets, done };
}

const ticks = (from: number, to: number): readonly Uint8Array[] =>
  Array.from({ length: to - from }, (_, at) => tickRecord(BigInt(from + at + 1)));

const range = (to: number): readonly bigint[] => Array.from({ length: to }, (_, at) => BigInt(at));

describe('one broker', () => {
  let kafka: KafkaServer;
  let topics: Topics;
  let source: KafkaChangeSource;

  beforeAll(async () => {
    kafka = await startKafka({ run });
    topics = new Topics(kafka.address);
    source = newSource({}, kafka.address);
  });
  afterAll(async () => {
    await source.close();
    await topics.close();
  });

  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'batches packed with %s are read',
    async (codec) => {
      const topic = await topics.make([]);
      await topics.produce(topic, ticks(0, 500), codec);
      await topics.produce(topic, ticks(500, 501), codec);
      const records = await reading(source, topic, 501).done;
      expect(records.map(({ offset }) => offset)).toEqual(range(501));
      expect(records.map(({ timestamp }) => timestamp)).toEqual(range(501).map((offset) => offset + 1n));
    },
  );

  test('a single batch that is larger than the whole buffer is read', async () => {
    const topic = await topics.make([
      { kind: 'insert', timestamp: 1n, collectionId: 1n, keys: range(100), padding: 40_000 },
    ]);
    const options = { maxBufferedBytes: 128 * 1024, signal: patience() };
    for await (const [record] of source.read(topic, 0n, options)) {
      expect(record).toMatchObject({ kind: 'insert', collectionId: 1n });
      break;
    }
  });

  test('an offset in the middle of a batch begins there', async () => {
    const topic = await topics.make([]);
    await topics.produce(topic, ticks(0, 100));
    expect(await source.readOne(topic, 57n, patience())).toMatchObject({ offset: 57n, timestamp: 58n });
    for await (const [first] of source.read(topic, 57n, { maxBufferedBytes: BUFFER, signal: patience() })) {
      expect(first?.offset).toBe(57n);
      break;
    }
  });

  test('a record that is not of Milvus stops with SourceUnsupportedError, which tells where it stands', async () => {
    const topic = await topics.make([]);
    await topics.produce(topic, [...ticks(0, 3), Buffer.from('not a message of Milvus')]);
    const failure = await reading(source, topic, 4).done.catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SourceUnsupportedError);
    expect(String(failure)).toMatch(new RegExp(`offset 3 of ${topic}`));
  });

  test('a broker that stalls for a moment leaves no gap', async () => {
    const topic = await topics.make([]);
    await topics.produce(topic, ticks(0, 10));
    const { offsets, done } = reading(source, topic, 20, patience(60_000));
    await expect.poll(() => offsets.length, { timeout: 5_000 }).toBe(10);
    kafka.suspend();
    await sleep(500);
    kafka.resume();
    await topics.produce(topic, ticks(10, 20));
    await done;
    expect(offsets).toEqual(range(20));
  });

  test('a read fails in bounded time when the broker is gone, and a new one goes on where it was', async () => {
    const topic = await topics.make([]);
    await topics.produce(topic, ticks(0, 10));
    const { offsets, done } = reading(source, topic, 20, patience(60_000));
    await expect.poll(() => offsets.length, { timeout: 5_000 }).toBe(10);
    const start = performance.now();
    await kafka.kill();
    await expect(done).rejects.toThrow(SourceUnavailableError);
    await expect(done).rejects.toThrow(kafka.address);
    await expect(source.describeChannel(topic, patience())).rejects.toThrow(SourceUnavailableError);
    await expect(source.readOne(topic, 0n, patience())).rejects.toThrow(SourceUnavailableError);
    expect(performance.now() - start).toBeLessThan(30_000);
    await kafka.start();
    expect(await source.describeChannel(topic, patience())).toMatchObject({
      earliestOffset: 0n,
      nextOffset: 10n,
    });
    const again = reading(source, topic, 10);
    expect((await again.done).map(({ offset }) => offset)).toEqual(range(10));
  });

  test('a frozen broker fails every call in bounded time, and an abort ends it at once', async () => {
    const topic = await topics.make([]);
    await topics.produce(topic, ticks(0, 10));
    const { offsets, done } = reading(source, topic, 20, patience(120_000));
    await expect.poll(() => offsets.length, { timeout: 5_000 }).toBe(10);
    kafka.suspend();
    try {
      const start = performance.now();
      const stop = new AbortController();
      const aborted = source.describeChannel(topic, stop.signal);
      setTimeout(() => stop.abort(new Error('enough')), 100);
      await expect(aborted).rejects.toThrow('enough');
      expect(performance.now() - start).toBeLessThan(1_000);
      await expect(source.describeChannel(topic, patience())).rejects.toThrow(SourceUnavailableError);
      await expect(done).rejects.toThrow(SourceUnavailableError);
      expect(performance.now() - start).toBeLessThan(45_000);
    } finally {
      kafka.resume();
    }
    await expect
      .poll(() => source.describeChannel(topic, patience()).catch(() => undefined), { timeout: 20_000 })
      .toBeDefined();
  });

  test.each([11, 12, 13])('version %i of Fetch reads the same', async (version) => {
    const topic = await topics.make([]);
    await topics.produce(topic, ticks(0, 5));
    await topics.produce(topic, ticks(5, 6));
    const consumer = new Consumer({
      clientId: 'versions',
      groupId: 'versions',
      bootstrapBrokers: [kafka.address],
    });
    const metadata = await consumer.metadata({ topics: [topic] });
    const state = metadata.topics.get(topic);
    const broker = metadata.brokers.get(state?.partitions[0]?.leader ?? -1);
    const api = chooseFetchApi(0, version);
    if (broker === undefined || state === undefined || api === undefined) throw new Error('no leader');
    expect(api.version).toBe(version);
    const connection = await consumer.connections.get(broker);
    const fetch = async (offset: bigint, topicId = state.id) => {
      const request = { topic, topicId, leaderEpoch: -1, offset, maxBytes: 1 << 20, maxWaitMs: 10 };
      return api.send(connection, ...api.arguments(request));
    };
    const { errorCode, records } = await fetch(2n);
    expect(errorCode).toBe(0);
    expect(splitBatches(records).map(({ baseOffset, count }) => [baseOffset, count])).toEqual([
      [0n, 5],
      [5n, 1],
    ]);
    expect(await fetch(6n)).toMatchObject({ errorCode: 0, records: Buffer.alloc(0) });
    expect(await fetch(7n)).toMatchObject({ errorCode: 1 });
    const stranger = await fetch(0n, '00000000-0000-4000-8000-000000000001');
    expect(stranger.errorCode).toBe(version >= 13 ? 100 : 0);
    await consumer.close(true);
  });

  test('brokers that are away are passed over', async () => {
    const other = newSource({}, '127.0.0.1:1', kafka.address);
    const topic = await topics.make([]);
    await topics.produce(topic, ticks(0, 3));
    expect((await reading(other, topic, 3).done).length).toBe(3);
    await other.close();
  });
});

describe('a broker with logins', () => {
  let kafka: SecureKafka;
  let topics: Topics;
  let topic: string;
  let tls: TlsFiles;

  beforeAll(async () => {
    const folder = join(run.path, 'kafka-certificates');
    mkdirSync(folder);
    tls = await makeCertificates(folder);
    kafka = await startSecureKafka(run, tls);
    topics = new Topics(kafka.plain);
    topic = await topics.make([]);
    await topics.produce(topic, ticks(0, 3));
  });
  afterAll(() => topics.close());

  const reads = async (
    config: Omit<KafkaSourceConfig['kafka'], 'bootstrap'>,
    address: string,
  ): Promise<number> => {
    const source = newSource(config, address);
    try {
      await source.describeChannel(topic, patience());
      return (await reading(source, topic, 3).done).length;
    } finally {
      await source.close();
    }
  };

  test.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)('is read with %s', async (mechanism) => {
    expect(await reads({ sasl: { mechanism, ...LOGIN } }, kafka.sasl)).toBe(3);
    expect(await reads({ sasl: { mechanism, ...LOGIN }, tls: { ca: tls.ca } }, kafka.saslSsl)).toBe(3);
  });

  test('is read with a client certificate', async () => {
    expect(await reads({ tls }, kafka.ssl)).toBe(3);
  });

  test.each(['PLAIN', 'SCRAM-SHA-512'] as const)(
    'refuses a wrong password for %s with a sentence that does not hold it',
    async (mechanism) => {
      const sasl = { mechanism, username: LOGIN.username, password: 'a-wrong-password' };
      const start = performance.now();
      const failure = await reads({ sasl }, kafka.sasl).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(SourceUnavailableError);
      expect(String(failure)).toContain(kafka.sasl);
      expect(inspect(failure, { depth: 30, showHidden: true })).not.toContain('a-wrong-password');
      expect(performance.now() - start).toBeLessThan(15_000);
    },
  );

  describe('for the role of this process, as Amazon MSK does', () => {
    const byRole = (token: () => string): KafkaChangeSource => {
      const config = kafkaSourceConfig.parse({
        etcd: { endpoints: ['127.0.0.1:1'] },
        kafka: {
          bootstrap: [kafka.oauth],
          sasl: { mechanism: 'AWS_MSK_IAM', region: 'eu-central-1' },
          tls: { ca: tls.ca },
        },
      });
      return new KafkaChangeSource(config, async (region) => {
        expect(region).toBe('eu-central-1');
        return token();
      });
    };

    test('is read without a gap while logins run out', async () => {
      let tokens = 0;
      const source = byRole(() => {
        tokens += 1;
        return unsecuredToken();
      });
      const slow = await topics.make([]);
      await source.describeChannel(slow, patience());
      const { done } = reading(source, slow, 30);
      for (let at = 0; at < 30; at += 1) {
        await topics.produce(slow, ticks(at, at + 1));
        await source.describeChannel(slow, patience());
        await sleep((4 * SESSION_MS) / 30);
      }
      expect((await done).map(({ offset }) => offset)).toEqual(range(30));
      expect(tokens).toBeGreaterThan(4);
      await source.close();
    });

    test('refuses a token with a sentence that does not hold it', async () => {
      const old = unsecuredToken(-60);
      const source = byRole(() => old);
      const failure = await source.describeChannel(topic, patience()).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(SourceUnavailableError);
      expect(String(failure)).toMatch(/refuses the token: .*invalid_token/);
      expect(inspect(failure, { depth: 30, showHidden: true })).not.toContain(old);
      await source.close();
    });

    test('tells that no token could be made', async () => {
      const source = byRole(() => {
        throw new Error('no credentials of a role');
      });
      await expect(source.describeChannel(topic, patience())).rejects.toThrow(/no credentials of a role/);
      await source.close();
    });
  });

  test('refuses a stranger certificate authority, a missing login, and TLS where there is none', async () => {
    await expect(reads({ tls: {} }, kafka.saslSsl)).rejects.toThrow(SourceUnavailableError);
    await expect(reads({}, kafka.sasl)).rejects.toThrow(SourceUnavailableError);
    await expect(reads({ tls: { ca: tls.ca } }, kafka.plain)).rejects.toThrow(SourceUnavailableError);
    await expect(reads({}, kafka.saslSsl)).rejects.toThrow(SourceUnavailableError);
  });
});

describe('two brokers', () => {
  test('a partition whose leader dies is read on from its successor, without a gap', async () => {
    const [first, second] = await startTwoBrokers(run, await freePorts(3));
    const admin = new Admin({ clientId: 'leader', bootstrapBrokers: [first.address] });
    const topic = `led-by-the-second-${Date.now()}`;
    const assignments = [{ partition: 0, brokers: [2, 1] }];
    await admin.createTopics({ topics: [topic], assignments });
    const topics = new Topics(first.address);
    await topics.produce(topic, ticks(0, 10));
    const source = newSource({}, first.address, second.address);
    const { offsets, done } = reading(source, topic, 20, patience(60_000));
    await expect.poll(() => offsets.length, { timeout: 10_000 }).toBe(10);
    expect(
      (await admin.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic)?.partitions[0]?.leader,
    ).toBe(2);

    await second.server.kill();
    const leader = async () =>
      (await admin.metadata({ topics: [topic], forceUpdate: true }).catch(() => undefined))?.topics.get(topic)
        ?.partitions[0]?.leader;
    await expect.poll(leader, { timeout: 30_000, interval: 200 }).toBe(1);
    await topics.close();
    const writer = new Topics(first.address);
    await writer.produce(topic, ticks(10, 20));

    // Where the election outlasts the reader's own tries, its job reads on from where it was.
    const tail: bigint[] = [];
    await done.catch(async (error: unknown) => {
      expect(error).toBeInstanceOf(SourceUnavailableError);
      tail.push(...(await reading(source, topic, 20).done).map(({ offset }) => offset));
    });
    expect(tail.length > 0 ? tail : offsets).toEqual(range(20));
    await Promise.all([source.close(), writer.close(), admin.close()]);
  });
});
