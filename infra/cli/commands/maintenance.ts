import { parseArgs } from 'node:util';
import { maintenanceAnswer } from '../answers.ts';
import type { Command } from '../command.ts';
import { ENDPOINT_OPTIONS, endpointOf } from '../endpoint/endpoint.ts';
import { EXIT_CODE, UsageError } from '../failures.ts';
import { oneLine } from '../print/table.ts';

export const maintenance: Command = {
  summary: 'set the log level of all programs',
  usage: `maintenance OPERATION [NAME=VALUE…] [--json]

  --json             print the API's answer as it is

For example: maintenance set_log_level log_level=debug
`,
  async run(context) {
    const { values, positionals } = parseArgs({
      args: [...context.args],
      options: { ...ENDPOINT_OPTIONS, json: { type: 'boolean' } },
      allowPositionals: true,
      allowNegative: true,
    });
    const [operation, ...settings] = positionals;
    if (operation === undefined) throw new UsageError('give an operation, for example set_log_level');
    const params = Object.fromEntries(settings.map(setting));
    const api = context.api(endpointOf(values, context));
    const answer = await api.call('maintenance', { operation, params });
    const { State: state } = maintenanceAnswer.parse(answer.data);
    context.out(values.json === true ? answer.text : `${oneLine(state)}\n`);
    return EXIT_CODE.done;
  },
};

function setting(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`${text} is not of the form name=value`);
  return [text.slice(0, at), text.slice(at + 1)];
}
