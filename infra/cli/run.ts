import { ZodError } from 'zod';
import type { CommandContext } from './command.ts';
import { COMMANDS } from './commands.ts';
import { ENDPOINT_USAGE } from './endpoint/endpoint.ts';
import { EXIT_CODE, RefusedError, UnavailableError, UsageError } from './failures.ts';
import { facts, oneLine } from './print/table.ts';

const CALL = 'npm run cdc --';

/** Runs one command line (without the program's name) and answers the exit code. Every failure becomes one sentence. */
export async function run(argv: readonly string[], world: Omit<CommandContext, 'args'>): Promise<number> {
  const [name, ...args] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    world.out(overview());
    return name === undefined ? EXIT_CODE.usage : EXIT_CODE.done;
  }
  const command = COMMANDS.get(name);
  if (command === undefined) {
    world.err(`there is no command ${oneLine(name)}\n\n${overview()}`);
    return EXIT_CODE.usage;
  }
  if (args.includes('--help') || args.includes('-h')) {
    world.out(`${command.summary}\n\nusage: ${CALL} ${command.usage}\n${ENDPOINT_USAGE}`);
    return EXIT_CODE.done;
  }
  try {
    return await command.run({ ...world, args });
  } catch (error) {
    if (world.signal.aborted) return EXIT_CODE.interrupted;
    if (error instanceof RefusedError && args.includes('--json')) world.out(error.answer);
    else world.err(`${sentenceOf(error, name)}\n`);
    return codeOf(error);
  }
}

function overview(): string {
  const commands = facts([...COMMANDS].map(([name, { summary }]) => [name, summary]));
  return `usage: ${CALL} COMMAND [arguments]

${commands.replaceAll(/^(?=.)/gm, '  ')}
${CALL} COMMAND --help says more. For every command:

${ENDPOINT_USAGE}
exit codes: ${EXIT_CODE.done} done; ${EXIT_CODE.refused} the API refused, or something was left out; ${EXIT_CODE.unavailable} no answer of the API; ${EXIT_CODE.usage} wrong arguments
`;
}

function codeOf(error: unknown): number {
  if (error instanceof UsageError || isArgumentError(error)) return EXIT_CODE.usage;
  if (error instanceof UnavailableError || error instanceof ZodError) return EXIT_CODE.unavailable;
  return EXIT_CODE.refused;
}

function sentenceOf(error: unknown, name: string): string {
  if (isArgumentError(error)) return `${firstSentence(error.message)}; see ${CALL} ${name} --help`;
  if (error instanceof ZodError) return 'the API answered in a form that this version does not know';
  if (!(error instanceof Error)) return String(error);
  const speaking = [UsageError, UnavailableError, RefusedError].some((kind) => error instanceof kind);
  return speaking ? oneLine(error.message) : (error.stack ?? error.message);
}

function isArgumentError(error: unknown): error is TypeError {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}

/** Node's own hints behind it are about its parser. */
function firstSentence(text: string): string {
  return text.split(/\.\s/, 1)[0] ?? text;
}
