import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createAnswer, dryRunAnswer } from '../answers.ts';
import type { Command, CommandContext } from '../command.ts';
import { type CreateFlags, createRequestOf } from '../create-request.ts';
import { ENDPOINT_OPTIONS, endpointOf } from '../endpoint/endpoint.ts';
import { EXIT_CODE, UsageError } from '../failures.ts';
import { planText } from '../print/plan-text.ts';
import { tokenFrom } from '../token.ts';

const OPTIONS = {
  ...ENDPOINT_OPTIONS,
  json: { type: 'boolean' },
  file: { type: 'string' },
  target: { type: 'string' },
  'token-env': { type: 'string' },
  'token-file': { type: 'string' },
  'token-arn': { type: 'string' },
  collection: { type: 'string', multiple: true },
  all: { type: 'boolean' },
  map: { type: 'string', multiple: true },
  id: { type: 'string' },
  role: { type: 'boolean' },
  timeout: { type: 'string' },
  'dry-run': { type: 'boolean' },
} as const;

/** Flags that say nothing when the whole request is in a file. */
const WITH_FILE = ['target', 'collection', 'all', 'map', 'role', 'timeout'] as const;

export const create: Command = {
  summary: 'a new task',
  usage: `create --target URI (--collection DB.NAME… | --all) [options]
       npm run cdc -- create --file REQUEST.json [--id ID] [--token-…] [--dry-run]

  --target URI       http(s)://host:port of the Milvus to write to
  --token-env NAME   its login (user:password, or an API key) is in this environment variable
  --token-file PATH  … or in this file
  --token-arn ARN    … or in this secret of Secrets Manager (tagged milvus-cdc:stack=<stack>)
  --collection NAME  what to replicate: name (of the database default), db.name, db.*; repeatable
  --all              every collection of every database
  --map A=B          another name on the target: db.name=db.name, or db=db for a whole database; repeatable
  --role             also users, roles and grants
  --id ID            the task's id; with one the same create can be sent again
  --timeout SECONDS  for the check of the target
  --file FILE        request_data as JSON, as in functions/cdc/API.md
  --dry-run          check everything, say what the task would do, store nothing
  --json             print the API's answer as it is
`,
  async run(context) {
    const { values } = parseArgs({ args: [...context.args], options: OPTIONS, allowNegative: true });
    const endpoint = endpointOf(values, context);
    const request = requestOf(values, context);
    const answer = await context.api(endpoint).call('create', request);
    if (values.json === true) context.out(answer.text);
    else if (isDryRun(request)) context.out(planText(dryRunAnswer.parse(answer.data)));
    else context.out(`task ${createAnswer.parse(answer.data).task_id}\n`);
    return EXIT_CODE.done;
  },
};

type Values = ReturnType<typeof parseArgs<{ readonly options: typeof OPTIONS }>>['values'];

function requestOf(values: Values, context: CommandContext): object {
  const token = tokenOf(values, context);
  const flags: CreateFlags = {
    id: values.id,
    target: values.target,
    token,
    collections: values.collection ?? [],
    all: values.all ?? false,
    maps: values.map ?? [],
    role: values.role ?? false,
    dryRun: values['dry-run'] ?? false,
    timeoutSeconds: secondsOf(values.timeout),
  };
  if (values.file === undefined) return createRequestOf(flags);
  const idle = WITH_FILE.find((name) => values[name] !== undefined);
  if (idle !== undefined) throw new UsageError(`--${idle} belongs into the file that --file names`);
  const request = readRequest(resolve(context.cwd, values.file), values.file);
  const target = request['milvus_connect_param'];
  return {
    ...request,
    ...(values.id === undefined ? {} : { task_id: values.id }),
    ...(token === undefined ? {} : { milvus_connect_param: { ...Object(target), token } }),
    ...(flags.dryRun ? { dry_run: true } : {}),
  };
}

function tokenOf(values: Values, context: CommandContext): string | undefined {
  const places = [
    values['token-env'] === undefined ? undefined : `env:${values['token-env']}`,
    values['token-file'] === undefined ? undefined : `file:${values['token-file']}`,
    values['token-arn'],
  ].filter((place) => place !== undefined);
  if (places.length > 1) throw new UsageError('give one of --token-env, --token-file and --token-arn');
  const [place] = places;
  return place === undefined ? undefined : tokenFrom(place, context);
}

function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageError('--timeout takes a whole number of seconds');
  return Number(text);
}

/** Either `request_data` alone or the whole request with it. */
function readRequest(path: string, name: string): Record<string, unknown> {
  try {
    const read: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof read !== 'object' || read === null || Array.isArray(read)) throw new Error('no object');
    const inner = 'request_data' in read ? read.request_data : read;
    return { ...Object(inner) };
  } catch (cause) {
    throw new UsageError(`${name} cannot be read as a JSON object`, { cause });
  }
}

function isDryRun(request: object): boolean {
  return 'dry_run' in request && request.dry_run === true;
}
