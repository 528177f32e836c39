import { z } from 'zod';
import { type Environment, jsonText, wrongVariables } from '#shared/environment.ts';
import { CdcError } from '#shared/errors.ts';
import { LOG_LEVELS } from '#shared/logger.ts';
import { EMULATION_ENV, REPLICATOR_ENV, REPLICATOR_SECRETS } from '#shared/names.ts';
import type { TargetSecret } from '#shared/secrets/secret-store.ts';
import { completeSecret, parseTargetSecret } from '#shared/secrets/target-secret.ts';
import { sourceEnvironment } from '#shared/task/source-environment.ts';
import { settingsSchema } from './runtime/settings.ts';

const { target, targetToken, targetPassword, targetKey } = REPLICATOR_SECRETS;

const storedSecret = z.string().transform((text, context): TargetSecret => {
  try {
    return parseTargetSecret(text, target);
  } catch {
    context.addIssue('is not {"token", "clientKeyPem"?} as JSON');
    return z.NEVER;
  }
});

const environment = z
  .object({
    [REPLICATOR_ENV.taskId]: z.string().min(1),
    [REPLICATOR_ENV.incarnation]: z.string().min(1),
    [REPLICATOR_ENV.generation]: z.coerce.number().int().positive(),
    [REPLICATOR_ENV.stack]: z.string().min(1).optional(),
    [REPLICATOR_ENV.table]: z.string().min(1).optional(),
    [REPLICATOR_ENV.database]: z.string().min(1).optional(),
    [REPLICATOR_ENV.settings]: jsonText.pipe(settingsSchema).default(() => settingsSchema.parse({})),
    [REPLICATOR_ENV.logLevel]: z.enum(LOG_LEVELS).default('info'),
    [REPLICATOR_ENV.healthPort]: z.coerce.number().int().min(1).max(65_535).optional(),
    [EMULATION_ENV]: z.literal('true').optional(),
    [target]: storedSecret.optional(),
    [targetToken]: z.string().optional(),
    [targetPassword]: z.string().optional(),
    [targetKey]: z.string().optional(),
  })
  .refine(
    (env) => (env[REPLICATOR_ENV.table] === undefined) !== (env[REPLICATOR_ENV.database] === undefined),
    {
      path: [REPLICATOR_ENV.table],
      // Also beside what else is wrong.
      when: () => true,
      error: `either this or ${REPLICATOR_ENV.database} has to be set, and not both`,
    },
  );

/** Where the task's state is, and with it what else depends on where this runs. */
export type StoreLocation =
  | {
      /** A DynamoDB table; the credentials of the target came with the environment. */
      readonly kind: 'aws';
      readonly table: string;
      readonly targetSecret: TargetSecret | undefined;
    }
  | {
      /** A file, which holds the credentials of the target, too. */
      readonly kind: 'local';
      readonly database: string;
    };

export type ReplicatorConfig = ReturnType<typeof loadConfig>;

/** Reads a replicator's settings from its environment, all at once. Fails with `config_invalid`; the message names every
 *  variable that is wrong and never a value. */
export function loadConfig(env: Environment) {
  const own = environment.safeParse(env);
  const source = sourceEnvironment.safeParse(env);
  if (!own.success || !source.success) {
    const problems = [own, source].flatMap(({ error }) => (error === undefined ? [] : wrongVariables(error)));
    throw new CdcError('config_invalid', `the replicator's settings are wrong: ${problems.join('; ')}`);
  }
  const value = own.data;
  return {
    taskId: value[REPLICATOR_ENV.taskId],
    incarnation: value[REPLICATOR_ENV.incarnation],
    generation: value[REPLICATOR_ENV.generation],
    stack: value[REPLICATOR_ENV.stack],
    store: locationOf(value),
    /** Whether targets may have loopback and link-local addresses. */
    anyAddress: value[REPLICATOR_ENV.table] === undefined || value[EMULATION_ENV] !== undefined,
    source: source.data,
    settings: value[REPLICATOR_ENV.settings],
    logLevel: value[REPLICATOR_ENV.logLevel],
    healthPort: value[REPLICATOR_ENV.healthPort],
  };
}

function locationOf(value: z.output<typeof environment>): StoreLocation {
  const { [REPLICATOR_ENV.table]: table, [REPLICATOR_ENV.database]: database = '' } = value;
  if (table === undefined) return { kind: 'local', database };
  const given = {
    token: value[targetToken],
    password: value[targetPassword],
    clientKeyPem: value[targetKey],
  };
  const references = Object.values(given).some((part) => part !== undefined) ? given : undefined;
  return { kind: 'aws', table, targetSecret: completeSecret(value[target], references) };
}

/** Takes out of an environment what only {@link loadConfig} had to see. */
export function forgetSecrets(env: Record<string, string | undefined>): void {
  for (const name of [REPLICATOR_ENV.source, ...Object.values(REPLICATOR_SECRETS)]) delete env[name];
}
