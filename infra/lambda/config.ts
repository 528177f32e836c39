import { z } from 'zod';
import { type Environment, jsonText, wrongVariables } from '#shared/environment.ts';
import { LOG_LEVELS } from '#shared/logger.ts';
import { CONTROL_PLANE_ENV, DRAIN_ENV, EMULATION_ENV } from '#shared/names.ts';
import { parseTargetPattern } from '#shared/target-rules.ts';

/** The environment of a Lambda is not what its code needs: the stack that set it is of another release. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
}

/** Where and how replicators run. */
export const fleetSettings = z.strictObject({
  /** ARN or name of the ECS cluster. */
  cluster: z.string().min(1),
  /** ARN, revision included, of the task definition that each task's own is a copy of. */
  baseTaskDefinition: z.string().min(1),
  subnets: z.array(z.string().min(1)).min(1),
  securityGroups: z.array(z.string().min(1)).min(1),
  assignPublicIp: z.boolean(),
  /** Fargate Spot instead of on demand. */
  spot: z.boolean(),
  /** Of the replicators' logs. */
  logGroup: z.string().min(1),
});

/** What an operator may set of the API; each has milvus-cdc's default. */
export const apiSettings = z.strictObject({
  maxTasks: z.int().nonnegative().default(100),
  /** In bytes of UTF-8. */
  maxNameLength: z.int().positive().default(256),
  /** The source's `msgChannel.chanNamePrefix.{cluster}-{replicateMsg}`. */
  replicateChannel: z.string().min(1).default('by-dev-replicate-msg'),
  oneCollectionPerTask: z.boolean().default(false),
  showStatus: z.boolean().default(true),
  /** Targets that a task may have, each as `parseTargetPattern` reads it; empty: any. */
  allowedTargets: z
    .array(
      z.string().refine((text) => parseTargetPattern(text) !== undefined, {
        error: 'must be host, host:port or a network such as 10.0.0.0/8',
      }),
    )
    .default([]),
});

/** What is stopped before the stack is deleted. */
export const drainSettings = z.strictObject({
  /** Name of the ECS cluster; it is the stack's alone. */
  cluster: z.string().min(1),
  /** Names of the Lambdas that start replicators. */
  starters: z.array(z.string().min(1)).min(1),
  /** How long what is under way in one of them can go on. */
  settleSeconds: z.int().positive(),
});

export type DrainSettings = z.output<typeof drainSettings>;
export type FleetSettings = z.output<typeof fleetSettings>;
export type ApiSettings = z.output<typeof apiSettings>;

const logLevel = z.enum(LOG_LEVELS).default('info');

const controlPlane = z.object({
  [CONTROL_PLANE_ENV.stack]: z.string().min(1),
  [CONTROL_PLANE_ENV.table]: z.string().min(1),
  [CONTROL_PLANE_ENV.fleet]: jsonText.pipe(fleetSettings),
  [CONTROL_PLANE_ENV.probeFunction]: z.string().min(1),
  [CONTROL_PLANE_ENV.outsideProbeFunction]: z.string().min(1).optional(),
  [CONTROL_PLANE_ENV.api]: jsonText.pipe(apiSettings).default(() => apiSettings.parse({})),
  [CONTROL_PLANE_ENV.logLevel]: logLevel,
});

export type ControlPlaneConfig = ReturnType<typeof readControlPlaneConfig>;

/** The settings of the Lambdas `cdc` and `reconcile`. Fails with {@link EnvironmentError}. */
export function readControlPlaneConfig(env: Environment = process.env) {
  const value = read(controlPlane, env);
  return {
    stack: value[CONTROL_PLANE_ENV.stack],
    table: value[CONTROL_PLANE_ENV.table],
    fleet: value[CONTROL_PLANE_ENV.fleet],
    probeFunction: value[CONTROL_PLANE_ENV.probeFunction],
    outsideProbeFunction: value[CONTROL_PLANE_ENV.outsideProbeFunction],
    api: value[CONTROL_PLANE_ENV.api],
    logLevel: value[CONTROL_PLANE_ENV.logLevel],
  };
}

const probe = z.object({
  [CONTROL_PLANE_ENV.logLevel]: logLevel,
  [EMULATION_ENV]: z.literal('true').optional(),
});

/** The settings of the Lambda `probe`: all else comes with each request. Fails with {@link EnvironmentError}. */
export function readProbeConfig(env: Environment = process.env) {
  const value = read(probe, env);
  return { logLevel: value[CONTROL_PLANE_ENV.logLevel], anyAddress: value[EMULATION_ENV] !== undefined };
}

const drain = z.object({
  [DRAIN_ENV.stack]: z.string().min(1),
  [DRAIN_ENV.drain]: jsonText.pipe(drainSettings),
  [DRAIN_ENV.logLevel]: logLevel,
  AWS_REGION: z.string().min(1),
  AWS_ENDPOINT_URL: z.url().optional(),
});

/** The settings of the Lambda `drain`. Fails with {@link EnvironmentError}. */
export function readDrainConfig(env: Environment = process.env) {
  const value = read(drain, env);
  const region = value.AWS_REGION;
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return {
    stack: value[DRAIN_ENV.stack],
    ...value[DRAIN_ENV.drain],
    logLevel: value[DRAIN_ENV.logLevel],
    region,
    cloudFormation: new URL(value.AWS_ENDPOINT_URL ?? `https://cloudformation.${region}.${suffix}`),
  };
}

/** All at once; the message is one sentence that names every variable that is wrong and never a value. */
function read<Schema extends z.ZodType>(schema: Schema, env: Environment): z.output<Schema> {
  const parsed = schema.safeParse(env);
  if (parsed.success) return parsed.data;
  throw new EnvironmentError(`the environment is not as it must be: ${wrongVariables(parsed.error)}`);
}
