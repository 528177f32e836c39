import { z } from 'zod';
import { decimal, itemVersion } from './task.ts';

export const phaseSchema = z.enum([
  'starting',
  'snapshot',
  'streaming',
  'retrying',
  'stopping',
  'stopped',
  'failed',
]);
export type Phase = z.output<typeof phaseSchema>;

/** Why a task or a collection is where it is: a code of the error registry and one sentence. */
export const reasonSchema = z.object({ code: z.string(), message: z.string() });
export type Reason = z.output<typeof reasonSchema>;

/** A counter that an older job did not know counts from 0. */
const counter = z.number().default(0);

export const pastErrorSchema = reasonSchema.extend({ at: z.iso.datetime() });
export type PastError = z.output<typeof pastErrorSchema>;

export const countersSchema = z.object({
  rowsInserted: counter,
  rowsUpserted: counter,
  keysDeleted: counter,
  bytes: counter,
  requests: counter,
  retries: counter,
  ambiguous: counter,
  /** Rows of collections that were gone from the source's catalog before they could be applied. */
  rowsOfDroppedCollections: counter,
});
export type Counters = z.output<typeof countersSchema>;

/** What a job says about itself. Written by the replicator only, every write under its lease. */
export const runSchema = z.object({
  version: itemVersion,
  taskId: z.string(),
  incarnation: z.string(),
  /** Generation of the launch that holds or last held the lease. */
  generation: z.number().int(),
  /** Random; who holds the lease. */
  owner: z.string(),
  /** Raised by each acquisition. */
  epoch: z.number().int(),
  /** Raised by each write; a lease whose beat stands still for its length has run out. */
  beat: z.number().int(),
  /** How the lease was given back: `drained` promises that no request is in flight. */
  released: z.enum(['no', 'drained', 'undrained']),
  /** By the holder's clock; for people and for reconcile's coarse decisions only. */
  leaseExpiresAt: z.iso.datetime(),
  phase: phaseSchema,
  phaseSince: z.iso.datetime(),
  reason: reasonSchema.optional(),
  /** Positions and horizons of the main cursors: see `positions.ts`. */
  channels: z.instanceof(Uint8Array),
  /** The smallest tick applied on all cursors; absent until the first. */
  watermark: decimal.optional(),
  /** When the watermark last grew, or there was nothing to follow; it outlives the job, so a restart is no progress.
   *  Absent before the first time, and in the items of releases before 0.2. */
  advancedAt: z.iso.datetime().optional(),
  /** Collections in quarantine; absent: none, or told by a release before 0.2. */
  quarantined: z.number().int().nonnegative().optional(),
  counters: countersSchema,
  warnings: z.array(reasonSchema),
  /** The newest thing that went wrong, also when it is over; kept from one job to the next. */
  lastError: pastErrorSchema.optional(),
  /** Of a task that leaves something to others: the revision of its target's scope entry that its job goes by. It sends
   *  nothing of what others have by then, and has taken over what they left. */
  scopeRevision: z.number().int().optional(),
});
export type Run = z.output<typeof runSchema>;

/** What a renewal writes: the job's whole account of itself in one conditional update. */
export type RunUpdate = Pick<
  Run,
  | 'leaseExpiresAt'
  | 'phase'
  | 'phaseSince'
  | 'reason'
  | 'channels'
  | 'watermark'
  | 'advancedAt'
  | 'quarantined'
  | 'counters'
  | 'warnings'
  | 'lastError'
  | 'scopeRevision'
>;

/** A cursor of one collection in one channel, for a collection that cannot follow the main cursor. */
export const objectCursorSchema = z.object({
  channel: z.string(),
  logTag: z.string(),
  offset: decimal,
  tick: decimal,
  horizon: decimal,
});
export type ObjectCursor = z.output<typeof objectCursorSchema>;

/** One collection of the source as this task knows it. Written by the replicator only. */
export const objectSchema = z.object({
  version: itemVersion,
  taskId: z.string(),
  incarnation: z.string(),
  collectionId: decimal,
  source: z.object({ database: z.string(), name: z.string(), channels: z.array(z.string()) }),
  target: z.object({ database: z.string(), name: z.string(), collectionId: decimal.optional() }),
  /** `found`: nothing was asked of the target yet. `creating` and `dropping` are written before the target is asked:
   *  intents that a successor can finish. */
  state: z.enum(['found', 'creating', 'bound', 'dropping']),
  /** True when this task made the collection on the target, so that it began empty. */
  createdHere: z.boolean(),
  /** Inserts at or below this source timestamp are sent as upserts: the target may hold them already. */
  replayUntil: decimal,
  /** Cursors of its own, for the channels in which it does not follow the main cursor. */
  cursors: z.array(objectCursorSchema),
  /** Partitions by source id. `creating` and `dropping` are written before the target is asked; of a `dropping` one
   *  nothing that the log still holds is applied any more. */
  partitions: z.record(
    decimal,
    z.object({ name: z.string(), state: z.enum(['creating', 'bound', 'dropping']) }),
  ),
  /** Indexes that this task made on the target: name -> fingerprint of what the source asked for. */
  indexes: z.record(z.string(), z.string()),
  /** Set when this task loaded the collection, so that it may release it. */
  loaded: z.boolean(),
  quarantine: reasonSchema.extend({ since: z.iso.datetime() }).optional(),
  /** Since when another task has it: what was known of it then, for that task to go on from. Nothing else is done with it;
   *  `cursors` has one for each channel. */
  leftAt: z.iso.datetime().optional(),
  warnings: z.array(reasonSchema),
});
export type TaskObject = z.output<typeof objectSchema>;

/** A database of the target that stands for one of the source's. It holds nothing by itself and is known by its name, so
 *  there is one for each name, whatever came and went under it on the source. Written by the replicator only. */
export const databaseSchema = z.object({
  version: itemVersion,
  taskId: z.string(),
  incarnation: z.string(),
  /** On the target. */
  name: z.string(),
  /** True when this task made it, or is about to: an intent that is written before the target is asked. */
  createdHere: z.boolean(),
  /** When the target made it, as the target tells it: what tells it from another one under the same name. Absent until it
   *  was seen, and on a target that does not tell. */
  createdAt: decimal.optional(),
});
export type TaskDatabase = z.output<typeof databaseSchema>;
