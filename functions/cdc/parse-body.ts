import { sentenceOf } from './errors.ts';

export interface ParsedBody {
  /** As given; empty when absent. */
  readonly type: string;
  readonly data: unknown;
}

/** The body is not the JSON that it has to be. The message quotes none of it: it may hold a credential. */
export class BodyError extends Error {
  override readonly name = 'BodyError';
}

/** Reads the outer object. Keys match in any case, the last one wins; other members are ignored; `null` counts as
 *  absent, also for the whole body. */
export function parseBody(body: string): ParsedBody {
  const outer = parseJson(body);
  if (outer === null) return { type: '', data: undefined };
  if (typeof outer !== 'object' || Array.isArray(outer)) {
    throw new BodyError('the request has to be a JSON object');
  }
  let type: unknown;
  let data: unknown;
  for (const [key, value] of Object.entries(outer)) {
    if (key.toLowerCase() === 'request_type') type = value;
    if (key.toLowerCase() === 'request_data') data = value;
  }
  if (typeof (type ?? '') !== 'string') throw new BodyError("'request_type' has to be a string");
  if (typeof (data ?? {}) !== 'object' || Array.isArray(data)) {
    throw new BodyError("'request_data' has to be a JSON object");
  }
  return { type: String(type ?? ''), data };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    // V8 quotes the text around the fault after a comma.
    throw new BodyError(sentenceOf(error).replace(/, (?:\.\.\.)?".*$/s, ''));
  }
}
