import {
  EXIT,
  type Fleet,
  NotPlacedError,
  type ReplicatorState,
  type StartOrder,
} from '#shared/fleet/fleet.ts';

/** One replicator of the {@link MemoryFleet}. */
export interface MemoryReplicator {
  readonly handle: string;
  readonly order: StartOrder;
  /** The fleet's at its start. */
  readonly release: string | undefined;
  state: ReplicatorState;
  /** It was asked to drain and has not ended yet. */
  draining: boolean;
}

/** A fleet in memory, for tests: replicators do nothing; a test lets them end. Passes the contract kit. */
export class MemoryFleet implements Fleet {
  readonly replicators: MemoryReplicator[] = [];
  /** Lives of tasks of which nothing is kept any more. */
  readonly retired = new Set<string>();
  release: string | undefined;
  /** Called when a replicator is asked to drain. @default it ends at once with {@link EXIT.stopped} */
  onDrain: (replicator: MemoryReplicator) => void = (replicator) => this.end(replicator, EXIT.stopped);
  /** Called when a replicator was started. */
  onStart: (replicator: MemoryReplicator) => void = () => {};
  readonly #failures: { error: Error; started: boolean }[] = [];
  readonly #listeners = new Set<(taskId: string) => void>();

  /** Lets the next start fail with nothing started. */
  refuseNext(message = 'no room'): void {
    this.#failures.push({ error: new NotPlacedError(message), started: false });
  }

  /** Lets the next start happen and its answer be lost. */
  loseNextAnswer(error: Error = new Error('no answer')): void {
    this.#failures.push({ error, started: true });
  }

  get running(): readonly MemoryReplicator[] {
    return this.replicators.filter((r) => r.state.kind === 'running');
  }

  end(replicator: MemoryReplicator, exitCode: number | null): void {
    if (replicator.state.kind !== 'running') return;
    replicator.state = { kind: 'stopped', exitCode, message: `ended with ${exitCode}` };
    replicator.draining = false;
    for (const listener of this.#listeners) listener(replicator.order.taskId);
  }

  /** The fleet forgets the handle, whether its replicator runs or not. */
  forget(replicator: MemoryReplicator): void {
    replicator.state = { kind: 'missing' };
  }

  async start(order: StartOrder): Promise<string> {
    const failure = this.#failures.shift();
    if (failure?.started === false) throw failure.error;
    const known = this.replicators.find(
      ({ order: o }) => o.incarnation === order.incarnation && o.generation === order.generation,
    );
    const replicator = known ?? this.#add(order);
    if (failure !== undefined) throw failure.error;
    return replicator.handle;
  }

  async stop(handle: string, how: 'drain' | 'kill' = 'drain'): Promise<void> {
    const replicator = this.running.find((r) => r.handle === handle);
    if (replicator === undefined) return;
    if (how === 'kill') this.end(replicator, null);
    else if (!replicator.draining) {
      replicator.draining = true;
      this.onDrain(replicator);
    }
  }

  async describe(handle: string): Promise<ReplicatorState> {
    return this.replicators.find((r) => r.handle === handle)?.state ?? { kind: 'missing' };
  }

  onExit(listener: (taskId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  async retire(incarnation: string): Promise<void> {
    this.retired.add(incarnation);
  }

  #add(order: StartOrder): MemoryReplicator {
    const replicator: MemoryReplicator = {
      handle: `replicator-${this.replicators.length + 1}`,
      order,
      release: this.release,
      state: { kind: 'running' },
      draining: false,
    };
    this.replicators.push(replicator);
    this.onStart(replicator);
    return replicator;
  }
}
