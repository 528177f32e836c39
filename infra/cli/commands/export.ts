import { renameSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Command } from '../command.ts';
import { ENDPOINT_OPTIONS, endpointOf } from '../endpoint/endpoint.ts';
import { EXIT_CODE, UsageError } from '../failures.ts';
import { exportTasks } from '../transfer/export-tasks.ts';

export const exportCommand: Command = {
  summary: 'all tasks with their positions, to be created again elsewhere',
  usage: `export [--file FILE]

  --file FILE        write here, the old file is replaced when all is there; default: standard output

Credentials are never in it. How to use it in another region: infra/REGIONS.md
`,
  async run(context) {
    const { values } = parseArgs({
      args: [...context.args],
      options: { ...ENDPOINT_OPTIONS, file: { type: 'string' } },
      allowNegative: true,
    });
    const api = context.api(endpointOf(values, context));
    const file = await exportTasks(api, new Date(context.clock.now()));
    const text = `${JSON.stringify(file, null, 2)}\n`;
    if (values.file === undefined) context.out(text);
    else replaceFile(resolve(context.cwd, values.file), text);
    for (const { create, notes } of file.tasks) {
      for (const note of notes) context.err(`${create.task_id}: ${note}\n`);
    }
    const logins = file.tasks.filter(({ credentials }) => credentials).map(({ create }) => create.task_id);
    if (logins.length > 0) context.err(`need their login at the import: ${logins.join(', ')}\n`);
    context.err(`${file.tasks.length} tasks exported\n`);
    return EXIT_CODE.done;
  },
};

/** Never half a file where there was a whole one. */
function replaceFile(path: string, text: string): void {
  try {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  } catch (cause) {
    throw new UsageError(`${path} cannot be written`, { cause });
  }
}
