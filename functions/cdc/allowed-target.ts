import type { TargetPattern } from '#shared/target-rules.ts';
import { clientError } from './errors.ts';
import { goList } from './go-text.ts';

/** Refuses a target that the operator has not listed, with an `ApiError` of code 400; an empty list allows any.
 *  `uri` as a task has it: with its port. */
export function checkAllowed(uri: string, allowed: readonly TargetPattern[]): void {
  if (allowed.length === 0) return;
  const { hostname, host, port, protocol } = new URL(uri);
  // `URL` leaves out a port that is the scheme's own.
  const at = Number(port || (protocol === 'https:' ? 443 : 80));
  if (allowed.some((pattern) => pattern.matches(hostname, at))) return;
  const where = port === '' ? `${host}:${at}` : host;
  throw clientError(
    `the target ${where} is not allowed here, allowedTargets has ${goList(allowed.map(({ text }) => text))}`,
  );
}
