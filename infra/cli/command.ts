import type { Clock } from '../../functions/cdc/deps.ts';
import type { CdcApi } from './api.ts';
import type { Endpoint, Surroundings } from './endpoint/endpoint.ts';
import type { Upstream } from './endpoint/upstream.ts';

/** One word behind `npm run cdc --`. */
export interface Command {
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What stands behind `npm run cdc --`, then the options, then what there is to know. */
  readonly usage: string;
  /** Answers the exit code. Fails with the errors of `failures.ts` and with those of `parseArgs`. */
  run(context: CommandContext): Promise<number>;
}

/** The world of a command. Answers go to `out`, everything else (progress, warnings) to `err`. */
export interface CommandContext extends Surroundings {
  /** Behind the command's name. */
  readonly args: readonly string[];
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly clock: Clock;
  /** Aborted when the person wants to end. */
  readonly signal: AbortSignal;
  readonly upstream: (endpoint: Endpoint) => Upstream;
  readonly api: (endpoint: Endpoint) => CdcApi;
}
