import type { Fleet } from '#shared/fleet/fleet.ts';
import type { FleetInventory, FoundReplicator, Kept } from '#shared/fleet/fleet-inventory.ts';
import type { Logger } from '#shared/log.ts';
import type { SecretInventory, StoredSecret } from '#shared/secrets/secret-inventory.ts';
import type { SecretStore } from '#shared/secrets/secret-store.ts';
import type { TaskStore } from '#shared/store/task-store.ts';
import type { Launch, Task } from '#shared/task/task.ts';

export interface OrphanDeps {
  readonly tasks: Pick<TaskStore, 'listTasks' | 'listTombstones' | 'getLaunch'>;
  readonly fleet: Pick<Fleet, 'stop'>;
  readonly inventory: FleetInventory;
  readonly secrets: Pick<SecretStore, 'delete'> & SecretInventory;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface OrphanOutcome {
  readonly replicators: number;
  readonly secrets: number;
  readonly kept: number;
  /** Lists that could not be read and orphans that could not be removed; each is logged. */
  readonly failed: number;
}

export const ORPHANS = {
  /** A create stores the credentials before the task; nothing takes longer than this between the two. */
  secretAgeMs: 60 * 60_000,
  /** How far each list is read, and how much of each kind is removed at once: the rest is the next sweep's. */
  listed: 2_000,
  removed: 50,
} as const;

/** What AWS holds. It is listed before the store is read: whatever is made after that is in the store already. */
interface Found {
  readonly replicators: readonly FoundReplicator[];
  readonly secrets: readonly StoredSecret[];
  readonly kept: readonly Kept[];
}

/** What the store knows. */
interface Known {
  /** Tasks and tombstones. */
  readonly lives: readonly Pick<Task, 'incarnation' | 'secretRef'>[];
  /** The launches of the tasks that have found replicators, by task id. */
  readonly launches: ReadonlyMap<string, Launch>;
}

/** Finds what nobody will ever ask for again. Pure.
 *  A replicator is one when no task has its life, when a newer one was launched, or when the launch names another one; not
 *  while its handle may still have to be written. A secret is one when no task refers to it and it is old. What is kept
 *  for replicators is one when no task has its life, or when it is of another release and nothing runs with it. */
export function findOrphans(found: Found, { lives, launches }: Known, now: number): Found {
  const living = new Set(lives.map(({ incarnation }) => incarnation));
  const refs = new Set(lives.map(({ secretRef }) => secretRef));
  const inUse = new Set(found.replicators.map(({ kept }) => kept));
  return {
    replicators: found.replicators.filter(
      (replicator) => !living.has(replicator.incarnation) || isSuperseded(replicator, launches),
    ),
    secrets: found.secrets.filter(
      ({ ref, createdAt }) => !refs.has(ref) && now - createdAt >= ORPHANS.secretAgeMs,
    ),
    kept: found.kept.filter(
      ({ name, incarnation, current }) => !living.has(incarnation) || !(current || inUse.has(name)),
    ),
  };
}

function isSuperseded(replicator: FoundReplicator, launches: Known['launches']): boolean {
  const launch = launches.get(replicator.taskId);
  // The launch of a tombstone gives way to that of a new task with its id; the purge of the tombstone is near.
  if (launch === undefined || launch.incarnation !== replicator.incarnation) return false;
  if (launch.generation !== replicator.generation) return launch.generation > replicator.generation;
  return launch.handle !== undefined && launch.handle !== replicator.handle;
}

/** Looks for orphans and removes them, a bounded number. Nothing is removed when the tasks cannot be read: then it fails as
 *  the store does. */
export async function sweepOrphans(deps: OrphanDeps): Promise<OrphanOutcome> {
  const { fleet, inventory, secrets } = deps;
  const hunt = new Hunt(deps.log);
  const found: Found = {
    replicators: await hunt.list('replicator', (limit) => inventory.listReplicators(limit)),
    secrets: await hunt.list('secret', (limit) => secrets.list(limit)),
    kept: await hunt.list('kept', (limit) => inventory.listKept(limit)),
  };
  const orphans = findOrphans(found, await readKnown(deps, found.replicators), deps.now());
  const removed = {
    replicators: await hunt.remove('replicator', orphans.replicators, async ({ handle }) => {
      await fleet.stop(handle, 'kill');
      return true;
    }),
    secrets: await hunt.remove('secret', orphans.secrets, async ({ ref }) => {
      await secrets.delete(ref);
      return true;
    }),
    kept: await hunt.remove('kept', orphans.kept, (one) => inventory.remove(one)),
  };
  return { ...removed, failed: hunt.failed };
}

/** What fails is logged and counted, and keeps nothing else from being done. */
class Hunt {
  failed = 0;
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  async list<T>(kind: string, read: (limit: number) => Promise<readonly T[]>): Promise<readonly T[]> {
    try {
      return await read(ORPHANS.listed);
    } catch (error) {
      this.failed++;
      this.#log.error({ kind, err: error }, 'orphans were not looked for');
      return [];
    }
  }

  /** Answers how many there were to remove. */
  async remove<T extends object>(
    kind: string,
    all: readonly T[],
    take: (one: T) => Promise<boolean>,
  ): Promise<number> {
    let removed = 0;
    for (const one of all.slice(0, ORPHANS.removed)) {
      try {
        if (!(await take(one))) continue;
        removed++;
        this.#log.warn({ kind, orphan: one }, 'orphan removed');
      } catch (error) {
        this.failed++;
        this.#log.error({ kind, orphan: one, err: error }, 'orphan not removed');
      }
    }
    return removed;
  }
}

async function readKnown({ tasks }: OrphanDeps, replicators: readonly FoundReplicator[]): Promise<Known> {
  const lives = [...(await tasks.listTasks()), ...(await tasks.listTombstones())];
  const launches = new Map<string, Launch>();
  for (const taskId of new Set(replicators.map((replicator) => replicator.taskId))) {
    const launch = await tasks.getLaunch(taskId);
    if (launch !== undefined) launches.set(taskId, launch);
  }
  return { lives, launches };
}
