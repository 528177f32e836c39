/** From the chattiest to the quietest; every program takes these names. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export function isLogLevel(name: string): name is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(name);
}

/** Fields whose values no log shows, should one ever get there. */
export const SECRET_FIELDS = ['token', 'password', 'authorization', 'clientKeyPem'] as const;
export const CENSORED = '***';

/** Port: structured JSON lines; context grows on the way down with `child`. Messages are constants, data are fields;
 *  never row data, never a credential. Adapters: pino in processes, Powertools in Lambdas. */
export interface Logger extends Readonly<Record<LogLevel, Log>> {
  /** One of {@link LOG_LEVELS}, or `silent`; may be set at any time. */
  level: string;
  child(bindings: Record<string, unknown>): Logger;
}

export interface Log {
  (fields: object, message: string): void;
  (message: string): void;
}
