import { z } from 'zod';
import { nameMappingSchema, scopeSchema } from './scope.ts';

/** The version that this release writes; it reads this one and the one before, and refuses newer ones.
 *
 *  It is raised when code of the version before would read an item wrongly: another meaning, a new value where only some
 *  are allowed (a phase, a state), a member that must not get lost. An optional member at the top level of an item needs
 *  no new version: older code leaves it where it is when it writes task, launch or object back; a run is told anew by
 *  each job. Such a member must be right to read when it is absent, and when it is as old as the last write of code that
 *  knows it. What a release writes is kept in `test/support/stored-items`. */
export const ITEM_VERSION = 1;

export const itemVersion = z
  .number()
  .int()
  .min(Math.max(1, ITEM_VERSION - 1))
  .max(ITEM_VERSION);

/** A 64-bit number as a decimal string: neither JSON nor DynamoDB's number type holds one exactly. */
export const decimal = z.string().regex(/^-?\d+$/);

export const desiredStateSchema = z.enum(['Running', 'Paused']);
export type DesiredState = z.output<typeof desiredStateSchema>;

/** Where the target is and how to speak to it. Credentials are elsewhere: see the task's `secretRef`, `userSecrets`. */
export const targetConnectionSchema = z.object({
  /** `http(s)://host:port[/database]`, never with user-info. */
  uri: z.string(),
  connectTimeoutMs: z.number().int().positive(),
  tls: z
    .object({
      serverName: z.string().optional(),
      caPem: z.string().optional(),
      serverPem: z.string().optional(),
      clientCertPem: z.string().optional(),
    })
    .optional(),
  /** Do not replicate the creation and the drop of partitions; rows go to the default partition. */
  ignorePartition: z.boolean(),
});
export type TargetConnection = z.output<typeof targetConnectionSchema>;

/** Secrets that the user keeps and names in the create: references to them, never values. Each wins over what is stored
 *  under the task's `secretRef`. */
export const userSecretsSchema = z.object({
  token: z.string().optional(),
  password: z.string().optional(),
  clientKeyPem: z.string().optional(),
});
export type UserSecrets = z.output<typeof userSecretsSchema>;

/** A position given by the user: read the collection's shard from here on. */
export const startPositionSchema = z.object({
  vchannel: z.string(),
  offset: decimal,
  /** Hybrid timestamp: what is at or below it is not applied. */
  timestamp: decimal,
});

/** What the user asked for. Written by the API and, to park a task, by reconcile. */
export const taskSchema = z.object({
  version: itemVersion,
  id: z.string().min(1),
  /** Random; one life of a task from create to delete. */
  incarnation: z.string().min(1),
  desired: desiredStateSchema,
  /** Why it is Paused; empty while Running. */
  reason: z.string(),
  /** Grows with each change of the desired state. */
  revision: z.number().int().nonnegative(),
  createdAt: z.iso.datetime(),
  target: targetConnectionSchema,
  /** What makes two targets the same one for the duplicate rules: the literal URI without user-info. */
  targetIdentity: z.string(),
  /** What the secret store knows the credentials by; absent when there are none, or all are the user's own secrets. */
  secretRef: z.string().optional(),
  userSecrets: userSecretsSchema.optional(),
  scope: scopeSchema,
  /** The revision of the target's scope entry that the create of this task made: who asked for the same before has to
   *  know it before this task's first job may send. Absent where nobody did. */
  scopeRevision: z.number().int().nonnegative().optional(),
  mappings: z.array(nameMappingSchema),
  startPositions: z.array(startPositionSchema),
  replicateRoles: z.boolean(),
  disableAutoStart: z.boolean(),
  /** `request_data` of the create, decoded, without any credential; what `get` and `list` show. */
  request: z.record(z.string(), z.unknown()),
  /** Set by `delete`: the scope and the id are free again once it is, the rest is purged by reconcile. */
  deletedAt: z.iso.datetime().optional(),
});
export type Task = z.output<typeof taskSchema>;

export const lastExitSchema = z.object({
  generation: z.number().int(),
  /** The process's exit code; null when it died of a signal or when nothing is known. */
  code: z.number().int().nullable(),
  at: z.iso.datetime(),
  /** True when the fleet knows that the process is gone: nothing of it runs any more. */
  confirmed: z.boolean(),
  message: z.string(),
});

/** The newest attempt to run a task. Written by the control plane. */
export const launchSchema = z.object({
  version: itemVersion,
  taskId: z.string(),
  incarnation: z.string(),
  /** Raised before each start; a job of an older generation is refused the lease. */
  generation: z.number().int().nonnegative(),
  /** What the fleet knows the process by (pid and start time, or ECS ARN); absent until the start returned. */
  handle: z.string().optional(),
  launchedAt: z.iso.datetime(),
  /** What the replicator was started from, as the fleet names it: on AWS the ARN of the base task definition. Absent where
   *  the fleet knows no releases. */
  release: z.string().optional(),
  /** Since when the task has been on trial: a roll-out took it off a release on which it streamed, and it has not streamed
   *  since. Gone once it does. Needed beside `launchedAt`, which each start after a crash sets anew, and because nothing
   *  else tells whether a task that fails now did so before it was moved. */
  onTrialSince: z.iso.datetime().optional(),
  /** The task's revision that this launch was made for: a newer one (paused, resumed) starts with a clean slate. */
  revision: z.number().int().nonnegative().optional(),
  /** Since when the task has been wanted Running without a break: the time of the first launch for this revision. Absent in
   *  the items of releases before 0.2. */
  wantedSince: z.iso.datetime().optional(),
  /** Since when the replicator has been asked to drain and stop. */
  stopAskedAt: z.iso.datetime().optional(),
  /** Starts in a row, this one included, that did not stream for a while (`reconcile` says how long). */
  attempts: z.number().int().nonnegative(),
  /** Not before this time may the next start happen. */
  notBefore: z.iso.datetime(),
  /** Why the last start was not possible (capacity, throttling …). */
  pendingReason: z.string().optional(),
  /** Starts in a row that were not possible, up to and without the one that is. */
  unplaced: z.number().int().nonnegative().optional(),
  lastExit: lastExitSchema.optional(),
});
export type Launch = z.output<typeof launchSchema>;
export type LastExit = z.output<typeof lastExitSchema>;
