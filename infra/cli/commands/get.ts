import { parseArgs } from 'node:util';
import { getAnswer } from '../answers.ts';
import type { Command } from '../command.ts';
import { ENDPOINT_OPTIONS, endpointOf } from '../endpoint/endpoint.ts';
import { EXIT_CODE } from '../failures.ts';
import { taskText } from '../print/task-text.ts';
import { oneId } from '../task-ids.ts';

export const get: Command = {
  summary: 'one task with all that is known about it',
  usage: `get ID [--json]

  --json             print the API's answer as it is
`,
  async run(context) {
    const { values, positionals } = parseArgs({
      args: [...context.args],
      options: { ...ENDPOINT_OPTIONS, json: { type: 'boolean' } },
      allowPositionals: true,
      allowNegative: true,
    });
    const task_id = oneId(positionals);
    const answer = await context.api(endpointOf(values, context)).call('get', { task_id });
    context.out(values.json === true ? answer.text : taskText(getAnswer.parse(answer.data).task));
    return EXIT_CODE.done;
  },
};
