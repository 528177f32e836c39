/** One thing that is not the same on both sides. */
export interface Difference {
  /** `database.collection` of the source; of the target where the source has none. */
  readonly collection: string;
  readonly aspect: Aspect;
  readonly detail: string;
}

export type Aspect =
  | 'existence'
  | 'schema'
  | 'partitions'
  | 'indexes'
  | 'load'
  | 'properties'
  | 'aliases'
  | 'count'
  | 'rows';

/** What a comparison found. */
export interface Comparison {
  readonly differences: readonly Difference[];
  /** Rows compared, of all collections. */
  readonly rows: number;
  readonly collections: number;
  /** What could not be compared, and why: a collection that is not loaded cannot be read. */
  readonly notCompared: readonly string[];
}

/** As many as a person reads. */
const SHOWN = 40;

export function comparisonText({ differences, notCompared, rows, collections }: Comparison): string {
  const lines = differences.slice(0, SHOWN).map((one) => `  ${one.collection}: ${one.aspect}: ${one.detail}`);
  if (differences.length > SHOWN) lines.push(`  ... and ${differences.length - SHOWN} more`);
  return [
    `${differences.length} differences in ${rows} rows of ${collections} collections`,
    ...lines,
    ...notCompared.map((one) => `  not compared: ${one}`),
  ].join('\n');
}
