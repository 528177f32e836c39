import { pino } from 'pino';
import { CENSORED, type Logger, SECRET_FIELDS } from './logger.ts';

export type { Logger } from './logger.ts';

/** A {@link Logger} on standard output. `bindings` are on every line. */
export function createLogger(level: string, bindings: Record<string, unknown> = {}): Logger {
  return pino({
    level,
    base: bindings,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: CENSORED },
  });
}
