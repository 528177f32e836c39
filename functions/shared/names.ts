/** Names shared by those who set a thing and those who read it, so that a rename cannot half-happen. */

/** Environment of a replicator. What changes from start to start is ids only: CloudTrail shows overrides. */
export const REPLICATOR_ENV = {
  taskId: 'CDC_TASK_ID',
  incarnation: 'CDC_INCARNATION',
  generation: 'CDC_GENERATION',
  /** Name of the deployment, on AWS: what its metrics are told apart by. Without it none are published. */
  stack: 'CDC_STACK',
  /** DynamoDB table, on AWS. */
  table: 'CDC_TABLE',
  /** SQLite file, on one machine. */
  database: 'CDC_DATABASE',
  /** The source's settings as JSON (credentials come from the secret store or the environment's own secrets). */
  source: 'CDC_SOURCE',
  logLevel: 'CDC_LOG_LEVEL',
  settings: 'CDC_SETTINGS',
  /** Where the health check asks, a port of the loopback interface; none: there is nothing to ask. */
  healthPort: 'CDC_HEALTH_PORT',
} as const;

/** Secrets in a replicator's environment, injected by ECS; taken out of it as soon as they are read. */
export const REPLICATOR_SECRETS = {
  /** The target's credentials as the secret store has them: JSON `{"token", "clientKeyPem"?}`. */
  target: 'CDC_TARGET_SECRET',
  /** Parts of them that the user keeps in secrets of their own; they win. */
  targetToken: 'CDC_TARGET_TOKEN',
  targetPassword: 'CDC_TARGET_PASSWORD',
  targetKey: 'CDC_TARGET_KEY',
  /** What the source's settings lack. Logins: JSON `{"username", "password"}`. Keys: PEM. */
  etcdLogin: 'CDC_SOURCE_ETCD_LOGIN',
  etcdKey: 'CDC_SOURCE_ETCD_KEY',
  kafkaLogin: 'CDC_SOURCE_KAFKA_LOGIN',
  kafkaKey: 'CDC_SOURCE_KAFKA_KEY',
} as const;

/** Environment of the Lambdas of the control plane. */
export const CONTROL_PLANE_ENV = {
  stack: 'CDC_STACK',
  table: 'CDC_TABLE',
  /** Where and how replicators run, as JSON. */
  fleet: 'CDC_FLEET',
  /** Name or ARN of the Lambda that runs the checks of a create where replicators run. */
  probeFunction: 'CDC_PROBE_FUNCTION',
  /** Of one that checks targets on the internet, where the other has no way there. */
  outsideProbeFunction: 'CDC_OUTSIDE_PROBE_FUNCTION',
  /** Settings of the API, as JSON. */
  api: 'CDC_API',
  logLevel: 'CDC_LOG_LEVEL',
} as const;

/** `true` where tests run everything on the loopback interface of one machine: targets may be there, too. No stack sets it. */
export const EMULATION_ENV = 'CDC_EMULATION';

/** Port of the health check in the container; nobody outside of it can reach it. */
export const HEALTH_PORT = 8081;

/** What asks there: the command of the container's health check. */
export const HEALTH_COMMAND = ['node', '/app/replicator/health.mjs'] as const;

/** Seconds; the order drain < forced exit < stop timeout is asserted by a test. */
export const TIMING = {
  leaseSeconds: 10,
  renewSeconds: 3,
  /** A replicator takes its first lease by then (image pull and a takeover included), or hangs. */
  firstLeaseSeconds: 600,
  /** The longest that a replicator lets a write to the target take. */
  requestSeconds: 6.5,
  /** How long a target may still execute a request whose connection is closed. */
  settleSeconds: 2,
  drainSeconds: 20,
  forcedExitSeconds: 30,
  stopTimeoutSeconds: 120,
} as const;

/** Tags on everything that the control plane makes on AWS, and on the secrets of users that it may read. */
export const TAGS = {
  /** Whose it is: a stack touches nothing that carries another stack's name, or none. */
  stack: 'milvus-cdc:stack',
  task: 'milvus-cdc:task',
  incarnation: 'milvus-cdc:incarnation',
  /** ARN of the task definition that a replicator's own is a copy of. */
  release: 'milvus-cdc:release',
} as const;

/** Outputs of the stack that programs read. */
export const STACK_OUTPUTS = {
  /** The whole URL, `/cdc` at its end. */
  apiUrl: 'ApiUrl',
} as const;

/** Environment of the Lambda that empties a stack before it is deleted. */
export const DRAIN_ENV = {
  stack: 'CDC_STACK',
  /** What there is to stop, as JSON. */
  drain: 'CDC_DRAIN',
  logLevel: 'CDC_LOG_LEVEL',
} as const;
