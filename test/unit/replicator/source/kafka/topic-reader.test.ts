import { createRecordsBatch } from '@platformatic/kafka';
import { describe, expect, test } from 'vitest';
import {
  HistoryLostError,
  SourceUnavailableError,
  SourceUnsupportedError,
} from '../../../../../replicator/source/change-source.ts';
import type { FetchRequest } from '../../../../../replicator/source/kafka/fetch-api.ts';
import type { TopicClient, TopicState } from '../../../../../replicator/source/kafka/kafka-client.ts';
import { KafkaAnswerError } from '../../../../../replicator/source/kafka/kafka-verdict.ts';
import { TopicReader } from '../../../../../replicator/source/kafka/topic-reader.ts';

type Fetch = Pick<FetchRequest, 'offset' | 'maxBytes' | 'maxWaitMs'>;
type Answer = (request: Fetch) => Buffer | Error;

/** A client whose answers to fetches are a script; the last one is repeated, as empty ones after a pause. */
class ScriptedClient implements TopicClient {
  readonly bootstrap = 'broker:9092';
  readonly fetches: Fetch[] = [];
  readonly #answers: Answer[];
  located = 0;
  closed = false;
  id: string | Error = 'topic-id';
  held = { earliest: 0n, next: 100n };

  constructor(...answers: readonly Answer[]) {
    this.#answers = [...answers];
  }

  async topic(name: string): Promise<TopicState> {
    this.located += 1;
    if (this.id instanceof Error) throw this.id;
    return { name, id: this.id, leader: 1, leaderEpoch: 1 };
  }

  async extent(): Promise<{ readonly earliest: bigint; readonly next: bigint }> {
    return this.held;
  }

  async fetch(_topic: TopicState, request: Fetch): Promise<Buffer> {
    this.fetches.push(request);
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
    const given = answer?.(request) ?? Buffer.alloc(0);
    if (given instanceof Error) throw given;
    if (given.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    return given;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

function batch(baseOffset: number, count: number, bytesEach = 1): Buffer {
  const messages = Array.from({ length: count }, () => ({ topic: 't', value: Buffer.alloc(bytesEach, 'x') }));
  const bytes = Buffer.from(createRecordsBatch(messages as never).buffer);
  bytes.writeBigInt64BE(BigInt(baseOffset), 0);
  return bytes;
}

const empty: Answer = () => Buffer.alloc(0);
const code =
  (errorCode: number): Answer =>
  () =>
    new KafkaAnswerError(errorCode);

interface Run {
  readonly offsets: number[];
  readonly arrays: number[];
}

/** Reads from offset 0 until `count` records have come. */
async function read(client: ScriptedClient, count: number, topicId?: string): Promise<Run> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(10_000)]);
  const reader = new TopicReader({
    client,
    topic: 't',
    topicId,
    offset: 0n,
    maxBufferedBytes: 1 << 20,
    signal,
  });
  const run: Run = { offsets: [], arrays: [] };
  for await (const records of reader.read()) {
    run.arrays.push(records.length);
    run.offsets.push(...records.map(({ offset }) => Number(offset)));
    if (run.offsets.length >= count) stop.abort();
  }
  return run;
}

const range = (to: number): readonly number[] => Array.from({ length: to }, (_, at) => at);

describe('reading', () => {
  test('goes on where the last batch ended, also when its last records are gone', async () => {
    const thinned = batch(0, 2);
    const client = new ScriptedClient(
      () => thinned,
      empty,
      () => batch(2, 3),
      empty,
    );
    expect((await read(client, 5)).offsets).toEqual(range(5));
    expect(client.fetches.slice(0, 4).map(({ offset }) => offset)).toEqual([0n, 2n, 2n, 5n]);
  });

  test('asks for the next records before the last ones are worked on, and for no more', async () => {
    const client = new ScriptedClient(({ offset }) => batch(Number(offset), 1));
    const signal = AbortSignal.timeout(10_000);
    const options = { client, topic: 't', topicId: undefined, offset: 0n, maxBufferedBytes: 1 << 20, signal };
    const records = new TopicReader(options).read();
    for (const at of range(3)) {
      await records.next();
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(client.fetches).toHaveLength(at + 2);
    }
    await records.return();
    expect(client.closed).toBe(true);
  });

  test('fetches and hands out within its buffer', async () => {
    const big = Buffer.concat([batch(0, 4, 200_000), batch(4, 4, 200_000), batch(8, 1)]);
    const client = new ScriptedClient(() => big, empty);
    expect((await read(client, 9)).arrays).toEqual([4, 4, 1]);
    expect(client.fetches[0]?.maxBytes).toBe(256 * 1024);
  });
});

describe('trouble', () => {
  test.each([5, 6, 9, 56, 74, 75, 78])(
    'error code %i is tried again, after asking for the leader',
    async (errorCode) => {
      const client = new ScriptedClient(code(errorCode), () => batch(0, 1), empty);
      expect((await read(client, 1)).offsets).toEqual([0]);
      expect(client.located).toBe(2);
    },
  );

  test('a batch that arrives damaged is fetched again', async () => {
    const damaged = batch(0, 1);
    damaged.writeUInt8(damaged.readUInt8(40) ^ 1, 40);
    const client = new ScriptedClient(
      () => damaged,
      () => batch(0, 1),
      empty,
    );
    expect((await read(client, 1)).offsets).toEqual([0]);
  });

  test('a batch that is damaged each time is a source that is away', async () => {
    const damaged = batch(0, 1);
    damaged.writeUInt8(damaged.readUInt8(40) ^ 1, 40);
    await expect(read(new ScriptedClient(() => damaged), 1)).rejects.toThrow(/offset 0 fails its check sum/);
  });

  test('a batch that is never whole does not loop', async () => {
    const client = new ScriptedClient(() => batch(0, 1).subarray(0, 50));
    await expect(read(client, 1)).rejects.toThrow(SourceUnavailableError);
    expect(client.fetches.length).toBeLessThan(10);
  });

  test('a codec that nobody knows is a source that cannot be read', async () => {
    const strange = batch(0, 1);
    strange.writeInt16BE(6, 21);
    const { crc32c } = await import('@platformatic/kafka');
    strange.writeUInt32BE(crc32c(strange.subarray(21)), 17);
    await expect(read(new ScriptedClient(() => strange, empty), 1)).rejects.toThrow(SourceUnsupportedError);
  });

  test('what keeps failing is a source that is away, after a bounded number of tries', async () => {
    const client = new ScriptedClient(() => new Error('connect ECONNREFUSED'));
    await expect(read(client, 1)).rejects.toThrow(
      'Kafka at broker:9092 cannot serve t: connect ECONNREFUSED',
    );
    expect(client.fetches.length).toBeLessThan(10);
    expect(client.closed).toBe(true);
  });

  test('what is refused is not tried again', async () => {
    const client = new ScriptedClient(code(29));
    await expect(read(client, 1)).rejects.toThrow(SourceUnavailableError);
    expect(client.fetches).toHaveLength(1);
  });

  test('records that came before a failure are handed out before it', async () => {
    const client = new ScriptedClient(() => batch(0, 3), code(29));
    const offsets: number[] = [];
    const signal = AbortSignal.timeout(10_000);
    const options = { client, topic: 't', topicId: undefined, offset: 0n, maxBufferedBytes: 1 << 20, signal };
    const reading = (async () => {
      for await (const records of new TopicReader(options).read()) {
        offsets.push(...records.map(({ offset }) => Number(offset)));
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    })();
    await expect(reading).rejects.toThrow(SourceUnavailableError);
    expect(offsets).toEqual([0, 1, 2]);
  });
});

describe('history', () => {
  test('an offset out of range that the log does hold is only a moment of its leader', async () => {
    const client = new ScriptedClient(code(1), () => batch(0, 1), empty);
    expect((await read(client, 1)).offsets).toEqual([0]);
  });

  test('an offset that the log does not hold is lost, with what it holds', async () => {
    const client = new ScriptedClient(code(1));
    client.held = { earliest: 7n, next: 9n };
    await expect(read(client, 1)).rejects.toThrow(HistoryLostError);
    await expect(read(client, 1)).rejects.toThrow('does not hold offset 0: it holds 7 to before 9');
  });

  test('another topic of the same name is not read, not even once', async () => {
    const client = new ScriptedClient(() => batch(0, 1));
    await expect(read(client, 1, 'another-id')).rejects.toThrow(HistoryLostError);
    expect(client.fetches).toHaveLength(0);
  });

  test.each(['topic-id', undefined])(
    'a topic that is made anew while it is read is lost (given id: %s)',
    async (id) => {
      const client = new ScriptedClient(
        () => batch(0, 1),
        () => {
          client.id = 'new-id';
          return new KafkaAnswerError(100);
        },
      );
      const failure = await read(client, 2, id).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(HistoryLostError);
    },
  );

  test('a topic that is gone is a source that is away', async () => {
    const client = new ScriptedClient(code(100));
    client.id = new KafkaAnswerError(3);
    await expect(read(client, 1)).rejects.toThrow('Kafka at broker:9092 has no topic t');
  });
});
