import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Command, CommandContext } from '../command.ts';
import { ENDPOINT_OPTIONS, endpointOf } from '../endpoint/endpoint.ts';
import { EXIT_CODE, UsageError } from '../failures.ts';
import { duration } from '../print/quantities.ts';
import { tokenFrom } from '../token.ts';
import { importTasks } from '../transfer/import-tasks.ts';
import { parseTaskFile, type TaskFile } from '../transfer/task-file.ts';

export const importCommand: Command = {
  summary: 'create the tasks of an export here',
  usage: `import --file FILE [--token-for ID=PLACE…] [--paused] [--without-positions] [--dry-run]

  --file FILE          what export wrote
  --token-for ID=…     the login of a task: ID=env:NAME, ID=file:PATH or ID=arn:… of a secret; '*' for all others;
                       repeatable
  --paused             leave every task paused; default: the state it had
  --without-positions  begin as new tasks do, not where they stood: for a target that does not hold the rows
  --dry-run            check everything, say what the tasks would do, store nothing

Tasks that exist are left as they are, so it can be repeated. Never let two stacks run the same task at one target: see
infra/REGIONS.md
`,
  async run(context) {
    const { values } = parseArgs({
      args: [...context.args],
      options: {
        ...ENDPOINT_OPTIONS,
        file: { type: 'string' },
        'token-for': { type: 'string', multiple: true },
        paused: { type: 'boolean', default: false },
        'without-positions': { type: 'boolean', default: false },
        'dry-run': { type: 'boolean', default: false },
      },
      allowNegative: true,
    });
    const file = readTaskFile(values.file, context);
    const tokens = tokensOf(values['token-for'] ?? [], file, context);
    const age = Math.max(0, context.clock.now() - Date.parse(file.exported_at));
    context.err(`exported ${duration(age)} ago from ${file.from}\n`);
    const { created, existing, left } = await importTasks(file, {
      api: context.api(endpointOf(values, context)),
      tokenOf: (id) => tokens.get(id) ?? tokens.get('*'),
      paused: values.paused,
      withoutPositions: values['without-positions'],
      dryRun: values['dry-run'],
      tell: context.out,
    });
    const done = values['dry-run'] ? 'could be created' : 'created';
    context.err(`${created.length} ${done}, ${existing.length} exist, ${left.length} left out\n`);
    return left.length === 0 ? EXIT_CODE.done : EXIT_CODE.refused;
  },
};

function readTaskFile(name: string | undefined, { cwd }: CommandContext): TaskFile {
  if (name === undefined) throw new UsageError('give --file FILE, which export wrote');
  let text: string;
  try {
    text = readFileSync(resolve(cwd, name), 'utf8');
  } catch (cause) {
    throw new UsageError(`${name} cannot be read`, { cause });
  }
  return parseTaskFile(text, name);
}

/** An id may hold any character, so the last `=` before a place is the one meant. */
function tokensOf(
  given: readonly string[],
  { tasks }: TaskFile,
  context: CommandContext,
): Map<string, string> {
  const known = new Set(['*', ...tasks.map(({ create }) => create.task_id)]);
  return new Map(
    given.map((text) => {
      const [, id, place] = /^(.+)=((?:env|file|arn):.+)$/s.exec(text) ?? [];
      if (id === undefined || place === undefined) {
        throw new UsageError('--token-for takes ID=env:NAME, ID=file:PATH or ID=arn:…');
      }
      if (!known.has(id)) throw new UsageError(`--token-for ${id}: the file has no such task`);
      return [id, tokenFrom(place, context)];
    }),
  );
}
