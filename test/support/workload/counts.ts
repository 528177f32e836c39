/** What a workload did. */
export interface Counts {
  inserted: number;
  upserted: number;
  deleted: number;
  requests: number;
  /** How often each kind of definition was changed: createPartition, dropCollection … */
  readonly definitions: Record<string, number>;
}

export function newCounts(): Counts {
  return { inserted: 0, upserted: 0, deleted: 0, requests: 0, definitions: {} };
}

export function countDefinition(counts: Counts, kind: string): void {
  counts.definitions[kind] = (counts.definitions[kind] ?? 0) + 1;
}
