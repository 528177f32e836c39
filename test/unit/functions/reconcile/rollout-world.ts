import { Writable } from 'node:stream';
import { pino } from 'pino';
import { EXIT } from '#shared/fleet/fleet.ts';
import { FencedError } from '#shared/store/task-store.ts';
import type { Phase } from '#shared/task/run.ts';
import type { Launch, Task } from '#shared/task/task.ts';
import {
  type ReconcilerDeps,
  reconcileTask,
  type SweepOutcome,
  sweep,
} from '../../../../functions/reconcile/reconciler.ts';
import { MemoryFleet, type MemoryReplicator } from '../../../support/fakes/memory-fleet.ts';
import { MemorySecretStore } from '../../../support/fakes/memory-secret-store.ts';
import { MemoryTaskStore } from '../../../support/fakes/memory-task-store.ts';
import { sampleTask, sampleUpdate } from '../../../support/fakes/task-samples.ts';

/** What the replicators of a task do on a release. `waits`: it takes its lease and gets no further. */
export type Behaviour = 'streams' | 'waits' | 'crashes' | 'gives up' | 'hangs' | 'does not stop';

/** What a replicator does in one moment. */
const MOMENTS: Readonly<Record<Exclude<Behaviour, 'hangs'>, { phase: Phase; exit?: number }>> = {
  streams: { phase: 'streaming' },
  waits: { phase: 'retrying' },
  crashes: { phase: 'starting', exit: 1 },
  'gives up': { phase: 'starting', exit: EXIT.permanent },
  'does not stop': { phase: 'streaming' },
};

interface Which {
  readonly task?: string | undefined;
  readonly release?: string | undefined;
}

const TICK_MS = 10_000;
/** As on AWS: a sweep each minute, and at once what an event tells. */
const TICKS_PER_SWEEP = 6;
const LEASE_MS = 10_000;

/** Several tasks, their replicators, and a control plane that sweeps. */
export class RolloutWorld {
  now = Date.parse('2030-01-01T00:00:00.000Z');
  readonly store = new MemoryTaskStore({ now: () => this.now });
  readonly fleet = new MemoryFleet();
  /** Of one task, or of all on a release; the one of the task and release wins, then the task's. */
  readonly behaviours = new Map<string, Behaviour>();
  /** Messages of level error. */
  readonly errors: string[] = [];
  /** Every replicator that was asked to drain: its task and release. */
  readonly stopped: { readonly taskId: string; readonly release: string | undefined; readonly at: number }[] =
    [];
  readonly deps: ReconcilerDeps;
  last: SweepOutcome | undefined;
  readonly #epochs = new Map<MemoryReplicator, number>();
  readonly #ended: string[] = [];
  #ticks = 0;
  #lives = 0;

  constructor(release = 'one') {
    this.fleet.release = release;
    this.fleet.onDrain = ({ order, release: of }) =>
      void this.stopped.push({ taskId: order.taskId, release: of, at: this.now });
    this.fleet.onExit((taskId) => void this.#ended.push(taskId));
    const lines = new Writable({
      write: (line: Buffer, _encoding, done) => {
        this.errors.push((JSON.parse(line.toString()) as { msg: string }).msg);
        done();
      },
    });
    this.deps = {
      tasks: this.store,
      fleet: this.fleet,
      secrets: new MemorySecretStore(),
      log: pino({ level: 'error' }, lines),
      now: () => this.now,
    };
  }

  async create(...ids: string[]): Promise<void> {
    for (const id of ids) {
      const incarnation = `life ${++this.#lives} of ${id}`;
      const task = sampleTask({ id, incarnation, targetIdentity: `target of ${id}` });
      const { revision } = await this.store.getScope(task.targetIdentity);
      await this.store.createTask(task, { maxTasks: 1_000, seen: revision });
    }
  }

  behave(behaviour: Behaviour, of: Which): void {
    this.behaviours.set(keyOf(of), behaviour);
  }

  /** What is deployed is what the next starts run. */
  deploy(release: string): void {
    this.fleet.release = release;
  }

  /** Lets time pass: replicators act, the end of one is an event, and every minute there is a sweep. */
  async minutes(minutes: number): Promise<void> {
    for (let tick = 0; tick < (minutes * 60_000) / TICK_MS; tick++) await this.tick();
  }

  async tick(): Promise<void> {
    this.now += TICK_MS;
    for (const replicator of this.fleet.running) await this.#act(replicator);
    for (const id of this.#ended.splice(0)) await reconcileTask(this.deps, id);
    if (++this.#ticks % TICKS_PER_SWEEP === 0) await this.sweep();
  }

  async sweep(): Promise<SweepOutcome> {
    this.last = await sweep(this.deps);
    return this.last;
  }

  /** As the API does it. */
  async wish(id: string, desired: Task['desired'], reason = ''): Promise<void> {
    await this.store.setDesired(await this.task(id), desired, reason);
    await reconcileTask(this.deps, id);
  }

  async delete(id: string): Promise<void> {
    await this.store.deleteTask(await this.task(id));
    await reconcileTask(this.deps, id);
  }

  async task(id: string): Promise<Task> {
    const task = await this.store.getTask(id);
    if (task === undefined) throw new Error(`there is no task ${id}`);
    return task;
  }

  async launch(id: string): Promise<Launch> {
    const launch = await this.store.getLaunch(id);
    if (launch === undefined) throw new Error(`task ${id} was never launched`);
    return launch;
  }

  /** `task release` of everything that runs, by task. */
  get running(): string[] {
    return this.fleet.running.map(({ order, release }) => `${order.taskId} ${release}`).toSorted();
  }

  /** Ids of the tasks whose replicators stream. */
  async streaming(): Promise<string[]> {
    const ids: string[] = [];
    for (const { order } of this.fleet.running) {
      const run = await this.store.getRun(order.taskId);
      const its = run?.incarnation === order.incarnation && run.generation === order.generation;
      if (its && run.phase === 'streaming' && Date.parse(run.leaseExpiresAt) >= this.now)
        ids.push(order.taskId);
    }
    return ids.toSorted();
  }

  replicatorOf(id: string): MemoryReplicator {
    const replicator = this.fleet.running.find((r) => r.order.taskId === id);
    if (replicator === undefined) throw new Error(`no replicator of ${id} runs`);
    return replicator;
  }

  #behaviourOf({ order: { taskId: task }, release = '' }: MemoryReplicator): Behaviour {
    const ways = [keyOf({ task, release }), keyOf({ task }), keyOf({ release })];
    return ways.map((key) => this.behaviours.get(key)).find((b) => b !== undefined) ?? 'streams';
  }

  async #act(replicator: MemoryReplicator): Promise<void> {
    const behaviour = this.#behaviourOf(replicator);
    if (behaviour === 'hangs') return;
    const { phase, exit } = MOMENTS[behaviour];
    if (replicator.draining && behaviour !== 'does not stop') {
      if (this.#epochs.has(replicator)) await this.#renew(replicator, 'stopped');
      this.fleet.end(replicator, EXIT.stopped);
      return;
    }
    try {
      await this.#renew(replicator, phase);
    } catch (error) {
      if (!(error instanceof FencedError)) throw error;
      if (error.why !== 'moved-on') this.fleet.end(replicator, EXIT.stopped);
    }
    if (exit !== undefined) this.fleet.end(replicator, exit);
  }

  async #renew(replicator: MemoryReplicator, phase: Phase): Promise<void> {
    const { taskId, incarnation, generation } = replicator.order;
    const owner = replicator.handle;
    const leaseExpiresAt = new Date(this.now + LEASE_MS).toISOString();
    const run = await this.store.getRun(taskId);
    const epoch = this.#epochs.get(replicator);
    if (epoch === undefined) {
      const claim = { taskId, incarnation, generation, owner, leaseExpiresAt };
      this.#epochs.set(replicator, (await this.store.acquireLease(claim, run)).epoch);
      return;
    }
    const phaseSince = run?.phase === phase ? run.phaseSince : new Date(this.now).toISOString();
    const reason =
      phase === 'retrying' ? { code: 'target_unavailable', message: 'It does not answer.' } : undefined;
    const update = sampleUpdate({ phase, phaseSince, leaseExpiresAt, reason });
    const fence = { taskId, incarnation, owner, epoch };
    if (phase === 'stopped') await this.store.releaseLease(fence, update, 'drained');
    else await this.store.renewLease(fence, update);
  }
}

function keyOf({ task = '*', release = '*' }: Which): string {
  return `${task} on ${release}`;
}
