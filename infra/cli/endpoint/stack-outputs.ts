import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { STACK_OUTPUTS } from '#shared/names.ts';
import { UsageError } from '../failures.ts';

/** Where `cdk deploy --outputs-file cdk-outputs.json` is told to write to. */
const CUSTOMARY_FILE = 'cdk-outputs.json';

const outputsFile = z.record(z.string(), z.record(z.string(), z.unknown()));

export interface OutputsQuestion {
  /** @default cdk-outputs.json */
  readonly file: string | undefined;
  /** Needed when several stacks are in the file. */
  readonly stack: string | undefined;
  readonly cwd: string;
  /** False: no file is no failure. */
  readonly required: boolean;
}

/** The API's URL as `cdk deploy` wrote it down; undefined when there is no such file and none is required.
 *  Fails with {@link UsageError}. */
export function urlFromOutputs({ file, stack, cwd, required }: OutputsQuestion): string | undefined {
  const name = file ?? CUSTOMARY_FILE;
  const text = readOutputs(resolve(cwd, name), name, required);
  if (text === undefined) return undefined;
  const stacks = withUrl(parseOutputs(text, name));
  const known = Object.keys(stacks);
  if (stack !== undefined) {
    const url = stacks[stack];
    if (url !== undefined) return url;
    throw new UsageError(`${name} has no URL of the stack ${stack}; it has ${known.join(', ') || 'none'}`);
  }
  const [first] = known;
  if (first === undefined) {
    throw new UsageError(`${name} holds no output ${STACK_OUTPUTS.apiUrl}; give --url, or deploy again`);
  }
  if (known.length > 1)
    throw new UsageError(`${name} has several stacks: give --stack ${known.join(' or ')}`);
  return stacks[first];
}

function readOutputs(path: string, name: string, required: boolean): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (!required && cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    const hint = `write it with cdk deploy --outputs-file ${CUSTOMARY_FILE}, or give --url`;
    throw new UsageError(`${name} cannot be read; ${hint}`, { cause });
  }
}

function parseOutputs(text: string, name: string): z.output<typeof outputsFile> {
  try {
    return outputsFile.parse(JSON.parse(text));
  } catch (cause) {
    throw new UsageError(`${name} is not what cdk deploy --outputs-file writes`, { cause });
  }
}

function withUrl(stacks: z.output<typeof outputsFile>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(stacks).flatMap(([stack, outputs]) => {
      const url = outputs[STACK_OUTPUTS.apiUrl];
      return typeof url === 'string' ? [[stack, url]] : [];
    }),
  );
}
