import { pino } from 'pino';

/** Structured JSON lines; context grows on the way down with `child`. Messages are constants, data are fields; never row
 *  data, never a credential. */
export type Logger = pino.Logger;

/** A logger on standard output. `level` as pino's; `bindings` are on every line. */
export function createLogger(level: string, bindings: Record<string, unknown> = {}): Logger {
  return pino({
    level,
    base: bindings,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      paths: ['token', '*.token', 'password', '*.password', 'authorization', '*.authorization'],
      censor: '***',
    },
  });
}
