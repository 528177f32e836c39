/** Names shared by those who set a thing and those who read it, so that a rename cannot half-happen. */

/** Environment of a replicator. Ids only; CloudTrail shows overrides. */
export const REPLICATOR_ENV = {
  taskId: 'CDC_TASK_ID',
  incarnation: 'CDC_INCARNATION',
  generation: 'CDC_GENERATION',
  /** DynamoDB table, on AWS. */
  table: 'CDC_TABLE',
  /** SQLite file, on one machine. */
  database: 'CDC_DATABASE',
  /** The source's settings as JSON (credentials come from the secret store or the environment's own secrets). */
  source: 'CDC_SOURCE',
  logLevel: 'CDC_LOG_LEVEL',
  settings: 'CDC_SETTINGS',
} as const;

/** Seconds; the order drain < forced exit < stop timeout is asserted by a test. */
export const TIMING = {
  leaseSeconds: 10,
  renewSeconds: 3,
  /** The longest that a replicator lets a write to the target take. */
  requestSeconds: 6.5,
  /** How long a target may still execute a request whose connection is closed. */
  settleSeconds: 2,
  drainSeconds: 20,
  forcedExitSeconds: 30,
  stopTimeoutSeconds: 120,
} as const;
