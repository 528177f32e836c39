import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Surroundings } from './endpoint/endpoint.ts';
import { UsageError } from './failures.ts';

/** Where a token is: `env:NAME`, `file:PATH`, or the ARN of a secret, which is sent as it is. It is never an argument
 *  itself: the list of processes shows those. Fails with {@link UsageError}. */
export function tokenFrom(place: string, { env, cwd }: Surroundings): string {
  if (place.startsWith('arn:')) return place;
  const [, kind, name = ''] = /^(env|file):(.+)$/.exec(place) ?? [];
  if (kind === undefined) {
    throw new UsageError('a token comes from env:NAME, file:PATH or arn:… of a secret');
  }
  const token = kind === 'env' ? env[name] : readToken(resolve(cwd, name));
  if (!token) throw new UsageError(`there is no token in ${place}`);
  return token;
}

/** An editor ends the file with a newline; the token does not. */
function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw new UsageError(`the token file ${path} cannot be read`, { cause });
  }
}
