/** Port: what a fleet holds, whoever ordered it and whether or not anybody still knows of it; for those who clean up.
 *  Lists end at `limit`. Adapter: ECS. Child processes of one machine end with their parent and leave nothing. */
export interface FleetInventory {
  /** The replicators of this stack that nobody has asked to stop. */
  listReplicators(limit: number): Promise<readonly FoundReplicator[]>;
  /** What is kept for the replicators of one life of a task. */
  listKept(limit: number): Promise<readonly Kept[]>;
  /** Takes one of them away; what runs with it runs on. Answers whether there was anything left to take away. */
  remove(kept: Kept): Promise<boolean>;
}

export interface FoundReplicator {
  readonly handle: string;
  readonly taskId: string;
  readonly incarnation: string;
  readonly generation: number;
  /** Name of the {@link Kept} that it runs with. */
  readonly kept: string;
}

export interface Kept {
  readonly name: string;
  readonly incarnation: string;
  /** True when the next replicator of that life is started with it; false when it is of another release. */
  readonly current: boolean;
}
