import type { Logger } from '../../log.ts';
import { TIMING } from '../../names.ts';
import type { Fleet, ReplicatorState, StartOrder } from '../fleet.ts';
import { fromHandle, liveness, type ProcessIdentity } from './process-identity.ts';
import { type ChildProcessOptions, ReplicatorChild } from './replicator-child.ts';

export interface ProcessFleetOptions extends ChildProcessOptions {
  readonly logger: Logger;
  /** From the request to stop until the process is killed. @default TIMING.forcedExitSeconds × 1000 */
  readonly forcedExitMs?: number | undefined;
}

/** How many ended children are remembered with their exit codes. */
const REMEMBERED = 1_000;

/** The {@link Fleet} of one machine: each replicator is a child process that ends when this process does (see
 *  {@link ReplicatorChild}). A handle is the process's number and start time, so a control plane that was started anew
 *  can tell whether the very process of an earlier one still lives, and end it.
 *  A dead process is `stopped`, also one whose exit code nobody saw; `missing` is left for what cannot be told. */
export class ProcessFleet implements Fleet {
  readonly #options: ProcessFleetOptions;
  readonly #forcedExitMs: number;
  readonly #starts = new Map<string, Promise<ReplicatorChild>>();
  readonly #children = new Map<string, ReplicatorChild>();
  readonly #listeners = new Set<(taskId: string) => void>();
  /** Processes of an earlier control plane that were asked to stop: the timers that will kill them. */
  readonly #strangers = new Map<string, NodeJS.Timeout>();

  constructor(options: ProcessFleetOptions) {
    this.#options = options;
    this.#forcedExitMs = options.forcedExitMs ?? TIMING.forcedExitSeconds * 1_000;
  }

  async start(order: StartOrder): Promise<string> {
    const key = `${order.incarnation} ${order.generation}`;
    const known = this.#starts.get(key);
    if (known !== undefined) return (await known).handle;
    const start = ReplicatorChild.spawn(this.#options, order);
    this.#starts.set(key, start);
    try {
      const child = await start;
      this.#children.set(child.handle, child);
      void child.exited.then(() => this.#onEnd(child));
      return child.handle;
    } catch (error) {
      this.#starts.delete(key);
      throw error;
    }
  }

  async stop(handle: string, how: 'drain' | 'kill' = 'drain'): Promise<void> {
    const child = this.#children.get(handle);
    if (child !== undefined) {
      if (how === 'kill') child.kill();
      else child.drain(this.#forcedExitMs);
      return;
    }
    const identity = fromHandle(handle);
    if (identity !== undefined) this.#stopStranger(handle, identity, how);
  }

  async describe(handle: string): Promise<ReplicatorState> {
    const child = this.#children.get(handle);
    if (child !== undefined) return child.state;
    const identity = fromHandle(handle);
    if (identity === undefined) return { kind: 'missing' };
    switch (liveness(identity)) {
      case 'alive':
        return { kind: 'running' };
      case 'dead':
        return { kind: 'stopped', exitCode: null, message: 'ended while nobody watched' };
      case 'unknown':
        return { kind: 'missing' };
    }
  }

  onExit(listener: (taskId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Drains all replicators of this process and waits for their end; kills those that are left at the forced exit. */
  async close(): Promise<void> {
    this.#listeners.clear();
    for (const timer of this.#strangers.values()) clearTimeout(timer);
    await Promise.allSettled(this.#starts.values());
    const running = [...this.#children.values()].filter((c) => c.state.kind === 'running');
    for (const child of running) child.drain(this.#forcedExitMs);
    await Promise.all(running.map((c) => c.closed));
  }

  #onEnd(child: ReplicatorChild): void {
    const { order, state } = child;
    this.#options.logger.info(
      { taskId: order.taskId, generation: order.generation, ...state },
      'replicator ended',
    );
    for (const listener of this.#listeners) listener(order.taskId);
    for (const [handle, other] of this.#children) {
      if (this.#children.size <= REMEMBERED) break;
      if (other.state.kind === 'running') continue;
      this.#children.delete(handle);
      this.#starts.delete(`${other.order.incarnation} ${other.order.generation}`);
    }
  }

  #stopStranger(handle: string, identity: ProcessIdentity, how: 'drain' | 'kill'): void {
    if (how === 'kill') signal(identity, 'SIGKILL');
    if (how === 'kill' || this.#strangers.has(handle)) return;
    signal(identity, 'SIGTERM');
    const timer = setTimeout(() => {
      this.#strangers.delete(handle);
      signal(identity, 'SIGKILL');
    }, this.#forcedExitMs);
    this.#strangers.set(handle, timer.unref());
  }
}

/** Signals that very process or nobody: a process that only has its number is left alone. */
function signal(identity: ProcessIdentity, name: 'SIGTERM' | 'SIGKILL'): void {
  if (liveness(identity) !== 'alive') return;
  try {
    process.kill(identity.pid, name);
  } catch {
    // It has ended between the two lines.
  }
}
