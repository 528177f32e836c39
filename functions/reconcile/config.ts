import { z } from 'zod';
import { REPLICATOR_ENV } from '#shared/names.ts';

const configSchema = z.object({
  /** Name of the DynamoDB table. */
  table: z.string().min(1),
  /** As pino's. */
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
});
export type ReconcileConfig = z.output<typeof configSchema>;

/** The settings of the reconciler's Lambda. Fails with one sentence that names every wrong variable. */
export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): ReconcileConfig {
  const parsed = configSchema.safeParse({
    table: env[REPLICATOR_ENV.table],
    logLevel: env[REPLICATOR_ENV.logLevel] ?? 'info',
  });
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map((issue) => {
    const member = issue.path[0] === 'table' ? REPLICATOR_ENV.table : REPLICATOR_ENV.logLevel;
    return `${member}: ${issue.message}`;
  });
  throw new Error(`the environment is not as it must be: ${wrong.join('; ')}`);
}
