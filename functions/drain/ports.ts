/** The functions that start replicators. */
export interface Starters {
  /** From now on none of them is started any more; what is under way goes on. Harmless when repeated. */
  silence(): Promise<void>;
}

/** Port: the replicators of one stack, whoever started them. */
export interface Replicators {
  /** All that have not stopped, and whether they have been asked to. */
  list(): Promise<readonly Replicator[]>;
  /** Asks one to drain and stop; returns at once. Harmless when it is gone. */
  stop(id: string): Promise<void>;
}

export interface Replicator {
  readonly id: string;
  readonly stopping: boolean;
}

/** Things that the control plane made and that no stack knows: nobody else would remove them. */
export interface Leftovers {
  /** How they are called in a sentence. */
  readonly name: string;
  /** All of them; for a while also some that were removed. */
  list(): Promise<readonly string[]>;
  /** Harmless when it is gone. */
  remove(id: string): Promise<void>;
}

export interface DrainClock {
  /** Milliseconds of a clock that is never set. */
  monotonic(): number;
  sleep(ms: number): Promise<void>;
}
