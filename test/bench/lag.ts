import { setTimeout as sleep } from 'node:timers/promises';
import { DataType } from '@zilliz/milvus2-sdk-node';
import type { Side } from '../support/compare/side.ts';
import { ok } from '../support/milvus/connect.ts';

export interface LagOptions {
  /** Where each row is written. */
  readonly writer: Side;
  /** Where it is looked for. */
  readonly reader: Side;
  /** The same name on both. */
  readonly collection: string;
  readonly dim: number;
  readonly samples: number;
}

/** Seconds from just before a row is sent until a query by its key sees it. */
export interface Lag {
  readonly samples: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

const POLL_MS = 10;
const TIMEOUT_MS = 60_000;
/** A key no other row has. */
const FIRST_KEY = 1_000_000_000;

/** One row after the other, with pauses of odd length between: ticks come every 200 ms, and samples in step with them
 *  would all be lucky or all be not. */
export async function measureLag(options: LagOptions): Promise<Lag> {
  const seconds: number[] = [];
  for (let sample = 0; sample < options.samples; sample += 1) {
    seconds.push(await measureOne(options, FIRST_KEY + sample));
    await sleep(100 + ((sample * 37) % 200));
  }
  seconds.sort((left, right) => left - right);
  const at = (share: number) =>
    seconds[Math.min(seconds.length - 1, Math.floor(seconds.length * share))] ?? 0;
  return { samples: seconds.length, p50: at(0.5), p95: at(0.95), max: at(1) };
}

async function measureOne({ writer, reader, collection, dim }: LagOptions, key: number): Promise<number> {
  const vector = Array.from({ length: dim }, (_, index) => (index % 10) / 10);
  const start = performance.now();
  await ok('insert', writer.sdk.insert({ collection_name: collection, data: [{ id: key, vector }] }));
  const query = {
    database: 'default',
    collection,
    expression: `id == ${key}`,
    outputFields: ['id'],
    consistency: 'eventual',
  } as const;
  for (;;) {
    const [column] = await reader.raw.query(query);
    if (column?.type === DataType.Int64 && hasValue(column.field)) return (performance.now() - start) / 1_000;
    if (performance.now() - start > TIMEOUT_MS) throw new Error(`row ${key} has not arrived within a minute`);
    await sleep(POLL_MS);
  }
}

function hasValue(field: Awaited<ReturnType<Side['raw']['query']>>[number]['field']): boolean {
  return (
    field.case === 'scalars' && field.value.data.case === 'longData' && field.value.data.value.data.length > 0
  );
}
