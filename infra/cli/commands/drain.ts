import { parseArgs } from 'node:util';
import type { Command } from '../command.ts';
import { drainTasks } from '../drain-tasks.ts';
import { ENDPOINT_OPTIONS, endpointOf } from '../endpoint/endpoint.ts';
import { EXIT_CODE, UsageError } from '../failures.ts';

const DEFAULT_SECONDS = '600';

export const drain: Command = {
  summary: 'pause all tasks and wait until nothing is written any more, before an uninstall or a move',
  usage: `drain [--timeout SECONDS]

  --timeout SECONDS  how long to wait; default: ${DEFAULT_SECONDS}

Answers on standard output the tasks that it paused, so that they can be resumed.
`,
  async run(context) {
    const { values } = parseArgs({
      args: [...context.args],
      options: { ...ENDPOINT_OPTIONS, timeout: { type: 'string', default: DEFAULT_SECONDS } },
      allowNegative: true,
    });
    if (!/^[1-9]\d{0,5}$/.test(values.timeout)) throw new UsageError('--timeout takes a number of seconds');
    const { paused, left, seen } = await drainTasks({
      api: context.api(endpointOf(values, context)),
      clock: context.clock,
      timeoutMs: Number(values.timeout) * 1_000,
      progress: context.err,
    });
    if (!seen) context.err('this API does not show whether replicators have stopped: wait a minute\n');
    for (const id of paused) context.out(`${id}\n`);
    if (left.length === 0) {
      context.err('all tasks are paused and stopped\n');
      return EXIT_CODE.done;
    }
    context.err(`not stopped in time: ${left.join(', ')}; run it again, get shows the reason\n`);
    return EXIT_CODE.refused;
  },
};
