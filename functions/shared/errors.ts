/** The codes a user can meet, in `status` of `get`, in logs and in the runbook. Each says what it means and what to do.
 *  A code never changes its meaning. */
export const CODES = {
  /** The source's etcd or Kafka cannot be reached. The task goes on by itself when it can. */
  source_unavailable: 'source_unavailable',
  /** The source is of a kind this release does not read (version, message queue, metadata store). */
  source_unsupported: 'source_unsupported',
  /** Part of the log was deleted before it was applied. Delete the task and create it again, or raise the retention. */
  history_lost: 'history_lost',
  /** A collection is older than the log reaches; it is followed from now on and older rows are not copied. */
  history_partial: 'history_partial',
  /** The log holds a message type that this release does not know. Upgrade. */
  unknown_message: 'unknown_message',
  /** The target cannot be reached, is not ready or refuses for lack of resources. The task goes on by itself. */
  target_unavailable: 'target_unavailable',
  /** The target refuses a request for good; the message is the target's. */
  target_refused: 'target_refused',
  /** The target holds something under that name which is not this task's, or has another schema. */
  target_foreign: 'target_foreign',
  /** The target cannot hold this schema. */
  schema_unsupported: 'schema_unsupported',
  /** The task's own state cannot be reached. The job stops sending before its lease ends and starts again. */
  store_unavailable: 'store_unavailable',
  /** Another job took over; this one stops. */
  lease_lost: 'lease_lost',
  /** A setting is wrong; the message names it. */
  config_invalid: 'config_invalid',
  /** A fault of this program. The message and the log belong in a bug report. */
  internal: 'internal',
  /** The replicator ended again and again without reaching `streaming`. */
  crash_loop: 'crash_loop',
  /** There is no room for the replicator now (capacity, throttling, quota); it is started when there is. */
  not_placed: 'not_placed',
  /** The replicator ended and is started again after a pause; its log says why. */
  replicator_ended: 'replicator_ended',
  /** The replicator has not been heard of since its lease ran out; it is replaced. */
  replicator_silent: 'replicator_silent',
  /** Another task of the same target still replicates what this one takes over; this one begins when that has stopped. */
  handover: 'handover',
  /** Rows arrived for a collection that the source had dropped meanwhile; they are counted and not applied. */
  rows_of_dropped: 'rows_of_dropped',
} as const;
export type Code = keyof typeof CODES;

/** A failure with a code that a user can look up. */
export class CdcError extends Error {
  override readonly name: string = 'CdcError';
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
