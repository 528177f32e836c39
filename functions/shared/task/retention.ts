import { z } from 'zod';

/** How long a source's log keeps what was written to it, by its settings. A log may keep more, never less. */
export const logRetentionSchema = z.object({
  /** Milliseconds; null: for ever. */
  ms: z.number().nullable(),
  /** Bytes after which the oldest goes, whatever its age; null: no limit. */
  bytes: z.number().nullable(),
});
export type LogRetention = Readonly<z.output<typeof logRetentionSchema>>;

/** Less is too little to repair a target over a night. */
const SHORT_MS = 24 * 3_600_000;

/** What an operator should know of a log's retention before a task depends on it; one sentence each. Pure. */
export function retentionWarnings({ ms, bytes }: LogRetention): string[] {
  const warnings: string[] = [];
  if (ms !== null && ms < SHORT_MS) {
    warnings.push(
      `the source's log keeps changes for ${hours(ms)} only: a task that stands still for longer loses its place and has to be created again; raise retention.ms of the source's topics (two days or more leave time to repair a target)`,
    );
  }
  if (bytes !== null) {
    warnings.push(
      `the source's log is also cut by size (retention.bytes ${bytes}): under load it may forget changes sooner than its ${ms === null ? 'retention.ms' : hours(ms)} say, and no alarm tells before`,
    );
  }
  return warnings;
}

function hours(ms: number): string {
  return `${Math.floor(ms / 360_000) / 10} h`;
}
