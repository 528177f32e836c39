import { setTimeout as sleep } from 'node:timers/promises';
import { placeText } from '../compare/side.ts';
import { connectMilvus } from '../milvus/connect.ts';
import type { Actor, ActorContext } from './actors/actor.ts';
import { allTypes } from './actors/all-types.ts';
import { churn } from './actors/churn.ts';
import { definitions } from './actors/definitions.ts';
import { elsewhere } from './actors/elsewhere.ts';
import { generatedKeys } from './actors/generated-keys.ts';
import { phoenix } from './actors/phoenix.ts';
import { tenants } from './actors/tenants.ts';
import { type Counts, newCounts } from './counts.ts';
import { Random } from './random.ts';
import type { Table } from './table.ts';

/** Everything a workload can do, by name. */
export const ACTORS = {
  allTypes,
  churn,
  generatedKeys,
  tenants,
  elsewhere,
  phoenix,
  definitions,
} as const satisfies Record<string, (context: ActorContext) => Actor>;

export interface WorkloadOptions {
  /** `host:port` of the source. */
  readonly address: string;
  /** First part of the names of its collections; its database is `<prefix>_db`. */
  readonly prefix: string;
  /** The same seed makes every actor do the same things in the same order; how far it comes depends on time. */
  readonly seed: number;
  readonly seconds: number;
  /** Rows inserted, upserted or deleted per second, of all actors together, as far as the source keeps up. @default 1000 */
  readonly rowsPerSecond?: number | undefined;
  /** @default all */
  readonly actors?: readonly (keyof typeof ACTORS)[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was done, and what must be there now. */
export interface WorkloadReport {
  readonly seconds: number;
  readonly total: Counts;
  readonly byActor: Readonly<Record<string, Counts>>;
  readonly tables: readonly Table[];
}

/** A mixed load on the source. */
export class Workload {
  readonly #options: WorkloadOptions;
  readonly #counts = new Map<string, Counts>();
  #tables: readonly Table[] = [];
  #seconds = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
  }

  /** Makes the collections, does the work, and leaves all of them loaded. Fails with the first error of the source; the
   *  error names the actor. */
  async run(): Promise<WorkloadReport> {
    const { address, seed, prefix, actors: names = Object.keys(ACTORS), seconds } = this.#options;
    const client = await connectMilvus(address);
    try {
      const random = new Random(seed);
      const actors = names.map((name) => {
        const counts = newCounts();
        this.#counts.set(name, counts);
        return ACTORS[name as keyof typeof ACTORS]({ client, prefix, counts, random: random.fork(name) });
      });
      for (const actor of actors) await named(actor, () => actor.prepare());
      const start = performance.now();
      await Promise.all(actors.map((actor) => named(actor, () => this.#act(actor, start + seconds * 1_000))));
      this.#seconds = (performance.now() - start) / 1_000;
      for (const actor of actors) await named(actor, () => actor.finish());
      this.#tables = actors.flatMap((actor) => actor.tables);
      return this.report();
    } finally {
      await client.closeConnection();
    }
  }

  /** What has been done so far. */
  report(): WorkloadReport {
    const total = newCounts();
    for (const counts of this.#counts.values()) add(total, counts);
    return {
      seconds: this.#seconds,
      total,
      byActor: Object.fromEntries(this.#counts),
      tables: this.#tables,
    };
  }

  async #act(actor: Actor, end: number): Promise<void> {
    const { rowsPerSecond = 1_000, actors = Object.keys(ACTORS), signal } = this.#options;
    const share = rowsPerSecond / actors.length;
    // The pace of an actor: when its next move is due. A slow one does not make up for lost time in a burst.
    let due = performance.now();
    while (performance.now() < end && signal?.aborted !== true) {
      const rows = await actor.step();
      due = Math.max(due + (Math.max(rows, 1) / share) * 1_000, performance.now() - 1_000);
      const pause = Math.min(due, end) - performance.now();
      if (pause > 0) await sleep(pause, undefined, { signal }).catch(() => {});
    }
  }
}

async function named(actor: Actor, action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    const tables = actor.tables.map(({ spec }) => placeText(spec)).join(', ');
    throw new Error(`the workload "${actor.name}" (${tables}) failed: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function add(total: Counts, counts: Counts): void {
  for (const name of ['inserted', 'upserted', 'deleted', 'requests'] as const) total[name] += counts[name];
  for (const [kind, times] of Object.entries(counts.definitions)) {
    total.definitions[kind] = (total.definitions[kind] ?? 0) + times;
  }
}
