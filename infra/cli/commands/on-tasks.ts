import { parseArgs } from 'node:util';
import type { RequestType } from '../../../functions/cdc/requests.ts';
import { getAnswer } from '../answers.ts';
import type { CdcApi } from '../api.ts';
import type { Command, CommandContext } from '../command.ts';
import { ENDPOINT_OPTIONS, endpointOf } from '../endpoint/endpoint.ts';
import { EXIT_CODE, RefusedError } from '../failures.ts';
import { someIds } from '../task-ids.ts';

const USAGE = `ID… [--json]

  --json             print the API's answers as they are, one a line
`;

export const pause: Command = {
  summary: 'stop tasks; nothing is written for them once it is answered',
  usage: `pause ${USAGE}`,
  run: (context) => forEachTask(context, 'pause', pausedText),
};

export const resume: Command = {
  summary: 'let paused tasks go on where they stood',
  usage: `resume ${USAGE}`,
  run: (context) => forEachTask(context, 'resume', async (_, id) => `${id} is running`),
};

export const remove: Command = {
  summary: 'stop tasks and forget them, positions and credentials included',
  usage: `delete ${USAGE}
What a task wrote stays on the target.
`,
  run: (context) => forEachTask(context, 'delete', async (_, id) => `${id} is deleted`),
};

/** A pause is answered after a while even if the replicator has not stopped. */
async function pausedText(api: CdcApi, task_id: string): Promise<string> {
  const { task } = getAnswer.parse((await api.call('get', { task_id })).data);
  const stopping = task.status?.phase === 'stopping';
  return `${task_id} is paused${stopping ? ', but its replicator has not stopped yet: get shows when it has' : ''}`;
}

/** One after the other; one that is refused does not keep the others from their turn. */
async function forEachTask(
  context: CommandContext,
  type: RequestType,
  outcome: (api: CdcApi, id: string) => Promise<string>,
): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...context.args],
    options: { ...ENDPOINT_OPTIONS, json: { type: 'boolean' } },
    allowPositionals: true,
    allowNegative: true,
  });
  const ids = someIds(positionals);
  const api = context.api(endpointOf(values, context));
  let code: number = EXIT_CODE.done;
  for (const task_id of ids) {
    try {
      const { text } = await api.call(type, { task_id });
      context.out(values.json === true ? text : `${await outcome(api, task_id)}\n`);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      code = EXIT_CODE.refused;
      if (values.json === true) context.out(error.answer);
      else context.err(`${error.message}\n`);
    }
  }
  return code;
}
