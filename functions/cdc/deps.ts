import type { Logger } from '#shared/log.ts';
import type { SecretReferences } from '#shared/secrets/secret-references.ts';
import type { SecretStore } from '#shared/secrets/secret-store.ts';
import type { TaskStore } from '#shared/store/task-store.ts';
import type { TargetPattern } from '#shared/target-rules.ts';
import type { SourceProbe } from '../probe/source-probe.ts';
import type { TargetProbe } from '../probe/target-probe.ts';

/** What the request handlers work with; made once by the composition root. */
export interface CdcDeps {
  readonly tasks: TaskStore;
  readonly secrets: SecretStore;
  /** Undefined on one machine: there a create cannot name secrets that are kept elsewhere. */
  readonly secretReferences: SecretReferences | undefined;
  readonly probe: TargetProbe;
  readonly sourceProbe: SourceProbe;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: CdcSettings;
  /** Brings one task nearer to what is wanted (starts or stops its replicator) and returns without waiting for it. What
   *  it cannot do now, the next sweep does. */
  readonly reconcile: (taskId: string) => Promise<void>;
  /** The PEM text behind a member of `dial_config`. Fails with a sentence. */
  readonly readPem: (reference: string) => Promise<string>;
  /** 128 random bits as 32 hex digits. */
  readonly randomId: () => string;
  /** Of this program; takes pino's level names. */
  readonly setLogLevel: (level: string) => void;
  /** Where the log of a task's replicator is, for people. */
  readonly logsOf: (taskId: string) => string;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds of a clock that is never set. */
  monotonic(): number;
  sleep(ms: number): Promise<void>;
}

export interface CdcSettings {
  /** `maxTaskNum`; 0 blocks every create. */
  readonly maxTasks: number;
  /** `maxNameLength`, in bytes of UTF-8. */
  readonly maxNameLength: number;
  /** `sourceConfig.replicateChan`. */
  readonly replicateChannel: string;
  /** True: one collection per task, as milvus-cdc has it. False: as many as one likes. */
  readonly oneCollectionPerTask: boolean;
  /** Targets that a task may have; empty: any. */
  readonly allowedTargets: readonly TargetPattern[];
  /** False leaves the member `status` out of `get` and `list`, for clients that accept no more than milvus-cdc's. */
  readonly showStatus: boolean;
}

/** API Gateway gives up after 29 s; what an answer waits for has to fit in, with some left for the store. */
export const WAITS = {
  /** How long `pause` and `delete` wait for the replicator to stop. */
  stopMs: 25_000,
  /** The most that the checks of a create may take, whatever `connect_timeout` says; target and source are checked at
   *  the same time. */
  probeMs: 20_000,
} as const;
