import type { Fleet, ReplicatorState, StartOrder } from '#shared/fleet/fleet.ts';
import { type Fence, FencedError, type TaskStore } from '#shared/store/task-store.ts';
import type { Run, RunUpdate, TaskObject } from '#shared/task/run.ts';

interface Job {
  readonly fence: Fence;
  state: ReplicatorState;
  update: RunUpdate;
}

const LEASE_MS = 10_000;

/** A fleet whose replicators do nothing but what the store sees of one: take the lease, give an account, give the lease
 *  back when told to stop. `stubborn` ones do not stop. */
export class SimulatedFleet implements Fleet {
  stubborn = false;
  /** Starts end at once with this; undefined: they run. */
  refusal: Error | undefined;
  readonly #store: () => TaskStore;
  readonly #now: () => number;
  readonly #jobs = new Map<string, Job>();

  constructor(store: () => TaskStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  async start(order: StartOrder): Promise<string> {
    if (this.refusal !== undefined) throw this.refusal;
    const handle = `${order.incarnation} ${order.generation}`;
    if (this.#jobs.has(handle)) return handle;
    const store = this.#store();
    const seen = await store.getRun(order.taskId);
    const claim = { ...order, owner: handle, leaseExpiresAt: this.#leaseEnd() };
    const run = await store.acquireLease(claim, seen?.incarnation === order.incarnation ? seen : undefined);
    const { taskId, incarnation } = order;
    const job: Job = {
      fence: { taskId, incarnation, owner: run.owner, epoch: run.epoch },
      state: { kind: 'running' },
      update: account(run, this.#leaseEnd(), this.#now()),
    };
    this.#jobs.set(handle, job);
    await store.renewLease(job.fence, job.update);
    return handle;
  }

  async stop(handle: string, how: 'drain' | 'kill' = 'drain'): Promise<void> {
    const job = this.#jobs.get(handle);
    if (job === undefined || job.state.kind !== 'running' || (this.stubborn && how === 'drain')) return;
    job.state = { kind: 'stopped', exitCode: how === 'drain' ? 0 : null, message: 'stopped' };
    if (how === 'kill') return;
    try {
      await this.#store().releaseLease(job.fence, { ...job.update, phase: 'stopped' }, 'drained');
    } catch (error) {
      if (!(error instanceof FencedError)) throw error;
    }
  }

  /** The running job of a task dies. */
  async kill(taskId: string): Promise<void> {
    for (const [handle, job] of this.#jobs) if (job.fence.taskId === taskId) await this.stop(handle, 'kill');
  }

  async describe(handle: string): Promise<ReplicatorState> {
    return this.#jobs.get(handle)?.state ?? { kind: 'missing' };
  }

  /** Every running job renews its lease, with what changed in its account. */
  async renewAll(change: Partial<RunUpdate> = {}): Promise<void> {
    for (const job of this.#running()) {
      job.update = { ...job.update, leaseExpiresAt: this.#leaseEnd(), ...change };
      await this.#store().renewLease(job.fence, job.update);
    }
  }

  /** The task's running job stores an object. */
  async putObject(taskId: string, object: Omit<TaskObject, 'taskId' | 'incarnation'>): Promise<void> {
    const job = this.#running().find(({ fence }) => fence.taskId === taskId);
    if (job === undefined) throw new Error(`no job runs for ${taskId}`);
    const { incarnation } = job.fence;
    await this.#store().putObject(job.fence, { ...object, taskId, incarnation });
  }

  /** Ids of the tasks whose jobs run. */
  get running(): string[] {
    return this.#running().map(({ fence }) => fence.taskId);
  }

  #running(): Job[] {
    return [...this.#jobs.values()].filter(({ state }) => state.kind === 'running');
  }

  #leaseEnd(): string {
    return new Date(this.#now() + LEASE_MS).toISOString();
  }
}

function account({ channels, counters }: Run, leaseExpiresAt: string, now: number): RunUpdate {
  return {
    leaseExpiresAt,
    phase: 'streaming',
    phaseSince: new Date(now).toISOString(),
    channels,
    counters,
    warnings: [],
  };
}
