import { z } from 'zod';
import { TIMING } from '#shared/names.ts';

/** What an operator may tune in a replicator; every default is safe. */
export const settingsSchema = z.object({
  /** Milliseconds that a request whose outcome is unknown may still take to execute after its connection closed. */
  settleMs: z
    .int()
    .min(100)
    .default(TIMING.settleSeconds * 1_000),
  /** Milliseconds a write may take. It has to fit into what is left of the lease. */
  requestDeadlineMs: z
    .int()
    .min(500)
    .max(TIMING.requestSeconds * 1_000)
    .default(6_000),
  /** Bytes of one write request. */
  requestBytes: z
    .int()
    .min(65_536)
    .max(48 * 1024 * 1024)
    .default(6 * 1024 * 1024),
  /** Write requests in flight. */
  requestsInFlight: z.int().min(1).max(64).default(4),
  /** Bytes a task holds in memory between fetch and acknowledgement, over all channels. */
  bufferBytes: z
    .int()
    .min(16 * 1024 * 1024)
    .default(96 * 1024 * 1024),
  leaseMs: z.int().default(TIMING.leaseSeconds * 1_000),
  renewMs: z.int().default(TIMING.renewSeconds * 1_000),
  /** Milliseconds between two checkpoints while there is progress. */
  checkpointMs: z.int().default(1_000),
  /** Milliseconds between two looks at the target's objects when nothing changed. */
  resyncMs: z.int().default(60_000),
});
export type Settings = z.output<typeof settingsSchema>;
