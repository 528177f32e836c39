import { Logger as Powertools } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { CENSORED, LOG_LEVELS, type Log, type Logger, type LogLevel, SECRET_FIELDS } from './logger.ts';

const SECRETS: ReadonlySet<string> = new Set(SECRET_FIELDS);

/** Powertools has no `fatal`, but the rest. */
const METHODS = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  error: 'error',
  fatal: 'critical',
} as const satisfies Record<LogLevel, keyof Powertools>;

/** Powertools' logger for a Lambda; its middleware adds request id and cold start. Not to be written to but through
 *  {@link lambdaLogger}. */
export function createPowertools(service: string): Powertools {
  return new Powertools({
    serviceName: service,
    // Which lines are written is decided here: with each warm start Powertools goes back to its first level.
    logLevel: 'TRACE',
    jsonReplacerFn: (key, value) => (SECRETS.has(key) ? CENSORED : value),
  });
}

/** The middleware that tells Powertools of each request. Events hold credentials: they are never logged, whatever
 *  Powertools' environment variables say. */
export function lambdaContext(powertools: Powertools): ReturnType<typeof injectLambdaContext> {
  return injectLambdaContext(powertools, { logEvent: false });
}

/** The {@link Logger} of a Lambda. Children write through the same Powertools logger, so their lines carry the request
 *  at hand, and share one level with their parent. */
export function lambdaLogger(powertools: Powertools, level: string): Logger {
  const threshold = { level };
  const withBindings = (bindings: Readonly<Record<string, unknown>>): Logger => {
    const log =
      (of: LogLevel): Log =>
      (first: object | string, text?: string) => {
        if (LOG_LEVELS.indexOf(of) < rank(threshold.level)) return;
        const [fields, message] = typeof first === 'string' ? [{}, first] : [first, text ?? ''];
        powertools[METHODS[of]](message, { ...bindings, ...fields });
      };
    return {
      trace: log('trace'),
      debug: log('debug'),
      info: log('info'),
      warn: log('warn'),
      error: log('error'),
      fatal: log('fatal'),
      child: (more) => withBindings({ ...bindings, ...more }),
      get level() {
        return threshold.level;
      },
      set level(name) {
        threshold.level = name;
      },
    };
  };
  return withBindings({});
}

/** Of `silent` and of what nobody knows: above all. */
function rank(level: string): number {
  const index = (LOG_LEVELS as readonly string[]).indexOf(level);
  return index < 0 ? LOG_LEVELS.length : index;
}
