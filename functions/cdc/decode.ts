import type { z } from 'zod';
import { goKind, goScalar, goType } from './go-text.ts';
import { isCredential, MASK, maskUri } from './mask.ts';
import { DICTIONARIES, REQUESTS, type Request, type RequestType } from './requests.ts';

/** More lines than that help nobody, and an answer has a size limit. */
const MAX_LINES = 100;
const MAX_VALUE = 1000;

/** A member of `request_data` has the wrong type. The message lists every such member as mapstructure would. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** Decodes `request_data` of a known type. Fails with {@link DecodeError}; its message never shows a credential. */
export function decodeRequest<Type extends RequestType>(type: Type, data: unknown): Request<Type> {
  const parsed = REQUESTS[type].safeParse(data, { reportInput: true });
  if (parsed.success) return parsed.data as Request<Type>;
  const lines = parsed.error.issues.map((issue) => `* ${line(issue)}`).sort();
  const shown = lines.length > MAX_LINES ? [...lines.slice(0, MAX_LINES), '* …'] : lines;
  throw new DecodeError(`${lines.length} error(s) decoding:\n\n${shown.join('\n')}`);
}

const GO_TYPES: Readonly<Record<string, string>> = { string: 'string', number: 'int', boolean: 'bool' };

function line(issue: z.core.$ZodIssue): string {
  const name = fieldName(issue.path);
  const expected = issue.code === 'invalid_type' ? issue.expected : 'object';
  if (expected === 'array') {
    return `'${name}': source data must be an array or slice, got ${goKind(issue.input)}`;
  }
  const type = GO_TYPES[expected];
  if (type === undefined) return `'${name}' expected a map, got '${goKind(issue.input)}'`;
  const given = goType(issue.input);
  return `'${name}' expected type '${type}', got unconvertible type '${given}', value: '${shownValue(issue)}'`;
}

/** `a.b`, `a[0].b`, `a[key]`. */
function fieldName(path: readonly PropertyKey[]): string {
  let name = '';
  for (const [i, part] of path.entries()) {
    const inDictionary = DICTIONARIES.has(String(path[i - 1]));
    if (typeof part === 'number' || inDictionary) name += `[${String(part)}]`;
    else name += name === '' ? String(part) : `.${String(part)}`;
  }
  return name;
}

function shownValue(issue: z.core.$ZodIssue): string {
  if (isCredential(String(issue.path.at(-1)))) return MASK;
  const value = maskUri(goScalar(issue.input));
  return value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}…` : value;
}
