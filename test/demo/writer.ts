import { setTimeout as sleep } from 'node:timers/promises';
import { connectMilvus } from '../support/milvus/connect.ts';
import { BUCKET, flat, floatVector, INT64_KEY } from '../support/workload/actors/fields.ts';
import { type Counts, newCounts } from '../support/workload/counts.ts';
import { Random } from '../support/workload/random.ts';
import { Table } from '../support/workload/table.ts';

export interface WriterOptions {
  /** `host:port` of the source. */
  readonly address: string;
  readonly collection: string;
  readonly rowsPerSecond: number;
}

/** Deletes keep the collection at this size, so that the demo may run all day. */
const MAX_ROWS = 200_000;
const BATCHES_PER_SECOND = 5;

/** Writes into one collection of the source until told to stop: inserts, and now and then upserts and deletes. */
export class Writer implements AsyncDisposable {
  readonly counts: Counts = newCounts();
  readonly #options: WriterOptions;
  readonly #stop = new AbortController();
  #running: Promise<unknown> | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Makes the collection, then writes in the background. `onError` hears why it ended early. */
  async start(onError: (error: Error) => void): Promise<void> {
    const { address, collection } = this.#options;
    const client = await connectMilvus(address);
    const random = new Random(2_026);
    const fields = [INT64_KEY, BUCKET, floatVector('vector', 128)];
    const spec = {
      database: 'default',
      name: collection,
      fields,
      vectorIndex: flat('vector'),
      dynamic: true,
    };
    const table = new Table(spec, { client, random, counts: this.counts });
    await table.create();
    this.#running = this.#write(table, random).then(
      () => client.closeConnection(),
      (error: unknown) => onError(error as Error),
    );
  }

  async #write(table: Table, random: Random): Promise<void> {
    const { signal } = this.#stop;
    const batch = Math.max(1, Math.round(this.#options.rowsPerSecond / BATCHES_PER_SECOND));
    let due = performance.now();
    while (!signal.aborted) {
      await table.insertNew(batch);
      if (random.chance(0.2)) await table.upsert(firstKeys(table, random.int(1, 50)));
      const excess = Math.max(table.rows.size - MAX_ROWS, random.chance(0.2) ? random.int(1, 20) : 0);
      if (excess > 0) await table.deleteKeys(firstKeys(table, excess));
      due = Math.max(due + 1_000 / BATCHES_PER_SECOND, performance.now() - 1_000);
      await sleep(Math.max(0, due - performance.now()), undefined, { signal }).catch(() => {});
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

function firstKeys(table: Table, count: number): readonly string[] {
  return table.rows.keys().take(count).toArray();
}
