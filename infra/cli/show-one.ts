import { parseArgs } from 'node:util';
import type { RequestType } from '../../functions/cdc/requests.ts';
import type { Command } from './command.ts';
import { ENDPOINT_OPTIONS, endpointOf } from './endpoint/endpoint.ts';
import { EXIT_CODE } from './failures.ts';
import { oneId } from './task-ids.ts';

/** A command that asks about one task and shows the answer: for people as `print` writes its data, or as it is. */
export function showOne(
  request: Extract<RequestType, 'get' | 'position'>,
  { summary, print }: Pick<Command, 'summary'> & { readonly print: (data: unknown) => string },
): Command {
  return {
    summary,
    usage: `${request} ID [--json]

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
      const answer = await context.api(endpointOf(values, context)).call(request, { task_id });
      context.out(values.json === true ? answer.text : print(answer.data));
      return EXIT_CODE.done;
    },
  };
}
