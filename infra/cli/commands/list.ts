import { parseArgs } from 'node:util';
import { listAnswer } from '../answers.ts';
import type { Command } from '../command.ts';
import { ENDPOINT_OPTIONS, endpointOf } from '../endpoint/endpoint.ts';
import { EXIT_CODE } from '../failures.ts';
import { taskListText } from '../print/task-text.ts';

export const list: Command = {
  summary: 'all tasks: state, phase, lag, and what needs a person',
  usage: `list [--json]

  --json             print the API's answer as it is
`,
  async run(context) {
    const { values } = parseArgs({
      args: [...context.args],
      options: { ...ENDPOINT_OPTIONS, json: { type: 'boolean' } },
      allowNegative: true,
    });
    const answer = await context.api(endpointOf(values, context)).call('list');
    context.out(values.json === true ? answer.text : taskListText(listAnswer.parse(answer.data).tasks));
    return EXIT_CODE.done;
  },
};
