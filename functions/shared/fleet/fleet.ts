import type { Task } from '../task/task.ts';

/** What a fleet needs to start a replicator: its ids, and where its credentials are, for a fleet that hands them over.
 *  Everything else is read from the store. */
export interface StartOrder extends Partial<Pick<Task, 'secretRef' | 'userSecrets'>> {
  readonly taskId: string;
  readonly incarnation: string;
  readonly generation: number;
}

/** Port: starts, stops and describes replicators, and decides nothing. Adapters: ECS on AWS, child processes on one
 *  machine. */
export interface Fleet {
  /** The release that a start would run now; another one after each deployment that changes replicators. Absent where
   *  replicators end with the control plane, so that a new release starts them all. */
  readonly release?: string | undefined;

  /** Starts one replicator; answers its handle. Repeating an order with the same generation starts no second one.
   *  Fails with {@link NotPlacedError} when surely nothing was started by this call (no room now, throttling, quota, a
   *  wrong setting). After any other failure it may have been started: the same order finds out. */
  start(order: StartOrder): Promise<string>;

  /** Asks it to drain and stop; returns at once. Harmless when it is gone. `kill` ends it without draining, where the
   *  fleet has a way to do that. */
  stop(handle: string, how?: 'drain' | 'kill'): Promise<void>;

  describe(handle: string): Promise<ReplicatorState>;

  /** Calls `listener` when a replicator ended (hint; the sweep finds it anyway). Answers how to stop listening. */
  onExit?(listener: (taskId: string) => void): () => void;

  /** Removes what the fleet keeps for one life of a task, of which no replicator is left. Harmless when repeated. */
  retire?(incarnation: string): Promise<void>;
}

/** `stopped` proves death; `missing` means that the fleet does not know the handle (any more) and proves nothing. */
export type ReplicatorState =
  | {
      readonly kind: 'running';
      /** False: the fleet's own check of it fails. Undefined: the fleet does not check, or cannot tell yet. */
      readonly healthy?: boolean | undefined;
    }
  | { readonly kind: 'stopped'; readonly exitCode: number | null; readonly message: string }
  | { readonly kind: 'missing' };

export class NotPlacedError extends Error {
  override readonly name = 'NotPlacedError';
}

/** Exit codes of a replicator: what reconcile does next depends on nothing else. */
export const EXIT = {
  /** Asked to stop, drained. */
  stopped: 0,
  /** Try again. */
  retry: 75,
  /** Will not get better by itself: park the task with the reason it stored. */
  permanent: 78,
} as const;
