import { z } from 'zod';
import { CdcError } from '#shared/errors.ts';
import { REPLICATOR_ENV } from '#shared/names.ts';
import { kafkaSourceConfig } from '#shared/task/source.ts';
import { settingsSchema } from './runtime/settings.ts';

const json = z.string().transform((text, context) => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    context.addIssue('is not JSON');
    return z.NEVER;
  }
});

const environment = z.object({
  [REPLICATOR_ENV.taskId]: z.string().min(1),
  [REPLICATOR_ENV.incarnation]: z.string().min(1),
  [REPLICATOR_ENV.generation]: z.coerce.number().int().positive(),
  [REPLICATOR_ENV.database]: z.string().min(1),
  [REPLICATOR_ENV.stack]: z.string().min(1).optional(),
  [REPLICATOR_ENV.source]: json.pipe(kafkaSourceConfig),
  [REPLICATOR_ENV.settings]: json.pipe(settingsSchema).default(() => settingsSchema.parse({})),
  [REPLICATOR_ENV.logLevel]: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
});

export type ReplicatorConfig = ReturnType<typeof loadConfig>;

/** Reads a replicator's settings from its environment, all at once. Fails with `config_invalid`; the message names every
 *  variable that is wrong and never a value. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>) {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new CdcError('config_invalid', `the replicator's settings are wrong: ${problems.join('; ')}`);
  }
  const value = parsed.data;
  return {
    taskId: value[REPLICATOR_ENV.taskId],
    incarnation: value[REPLICATOR_ENV.incarnation],
    generation: value[REPLICATOR_ENV.generation],
    database: value[REPLICATOR_ENV.database],
    stack: value[REPLICATOR_ENV.stack],
    source: value[REPLICATOR_ENV.source],
    settings: value[REPLICATOR_ENV.settings],
    logLevel: value[REPLICATOR_ENV.logLevel],
  };
}
