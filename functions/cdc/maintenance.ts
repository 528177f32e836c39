import type { CdcDeps } from './deps.ts';
import { sentenceOf } from './errors.ts';
import { goScalar } from './go-text.ts';
import type { Request } from './requests.ts';

type Params = Readonly<Record<string, unknown>>;

/** `maintenance`: always a success whose `State` says what happened, also when nothing did. The log level is stored:
 *  the program that answers takes it on at once, the replicators a few seconds later. milvus-cdc's other two operations steer a sampler that writes row values into
 *  the log; there is none here, so they are checked and answered and change nothing. */
export async function maintenance(deps: CdcDeps, request: Request<'maintenance'>): Promise<object> {
  return { State: await run(deps, request) };
}

async function run(
  deps: CdcDeps,
  { Operation: operation, Params: given }: Request<'maintenance'>,
): Promise<string> {
  const params = given ?? {};
  switch (operation) {
    case 'set_log_level':
      return setLogLevel(deps, params);
    case 'set_force_log_msg':
      return setForceLogMsg(params);
    case 'reset_log_msg':
      return resetLogMsg(params);
    default:
      return `unsupported operation: ${operation}`;
  }
}

/** milvus-cdc's level names and ours; an empty name is `info`. */
const LEVELS: Readonly<Record<string, string>> = {
  debug: 'debug',
  info: 'info',
  '': 'info',
  warn: 'warn',
  error: 'error',
  dpanic: 'fatal',
  panic: 'fatal',
  fatal: 'fatal',
};

async function setLogLevel({ tasks, setLogLevel: set, log }: CdcDeps, params: Params): Promise<string> {
  const given = param(params, 'log_level');
  if (given === undefined) return 'log_level is required';
  const name = given === given.toUpperCase() ? given.toLowerCase() : given;
  const level = Object.hasOwn(LEVELS, name) ? LEVELS[name] : undefined;
  if (level === undefined) return `parse log level failed: unrecognized level: ${quoted(given)}`;
  set(level);
  try {
    await tasks.setLogLevel(level);
  } catch (error) {
    log.error({ err: error }, 'storing the log level failed');
    return `set log level to ${given} here only, the replicators keep theirs: ${sentenceOf(error)}`;
  }
  return `set log level to ${given}`;
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true])),
  ...Object.fromEntries(['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false])),
};

function setForceLogMsg(params: Params): string {
  const given = param(params, 'force');
  if (given === undefined) return 'force is required';
  const force = Object.hasOwn(BOOLEANS, given) ? BOOLEANS[given] : undefined;
  if (force === undefined) {
    return `parse force failed: strconv.ParseBool: parsing ${quoted(given)}: invalid syntax`;
  }
  return `set force log msg to ${force}`;
}

function resetLogMsg(params: Params): string {
  const numbers: bigint[] = [];
  for (const name of ['count', 'duration']) {
    const given = param(params, name);
    if (given === undefined) return `${name} is required`;
    if (!/^[+-]?\d+$/.test(given)) {
      return `parse ${name} failed: strconv.Atoi: parsing ${quoted(given)}: invalid syntax`;
    }
    const number = BigInt(given.replace('+', ''));
    if (BigInt.asIntN(64, number) !== number) {
      return `parse ${name} failed: strconv.Atoi: parsing ${quoted(given)}: value out of range`;
    }
    numbers.push(number);
  }
  const [count, duration] = numbers;
  return `reset log msg count to ${count}, duration to ${duration}`;
}

/** The parameter as Go prints it; undefined when it is not there at all. */
function param(params: Params, name: string): string | undefined {
  return Object.hasOwn(params, name) ? goScalar(params[name]) : undefined;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
