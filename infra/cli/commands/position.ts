import { parseArgs } from 'node:util';
import { positionAnswer } from '../answers.ts';
import type { Command } from '../command.ts';
import { ENDPOINT_OPTIONS, endpointOf } from '../endpoint/endpoint.ts';
import { EXIT_CODE } from '../failures.ts';
import { positionText } from '../print/position-text.ts';
import { oneId } from '../task-ids.ts';

export const position: Command = {
  summary: "where a task's collections stand in the source's log",
  usage: `position ID [--json]

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
    const answer = await context.api(endpointOf(values, context)).call('position', { task_id });
    const { positions } = positionAnswer.parse(answer.data);
    context.out(values.json === true ? answer.text : positionText(positions));
    return EXIT_CODE.done;
  },
};
