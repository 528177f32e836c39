import { lookup as resolve } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { TargetRefusedError } from './target-probe.ts';

/** Why an IP address must not be connected to; undefined when it may. */
export type RefusedAddress = (address: string) => string | undefined;

/** Resolves names, and fails with {@link TargetRefusedError} when any of the addresses must not be connected to. What
 *  uses it connects to the very addresses that were looked at: a name may resolve to others a moment later. */
export function guardedLookup(refused: RefusedAddress): LookupFunction {
  return (host, options, callback) => {
    resolve(host, { ...options, all: true }).then(
      (found) => {
        for (const { address } of found) {
          const why = refused(address);
          if (why === undefined) continue;
          callback(refusal(host, `resolves to ${address}, which ${why}`), '');
          return;
        }
        const [first = { address: '', family: 0 }] = found;
        if (options.all === true) callback(null, found);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };
}

/** The same for a host that is an address already, which nobody looks up. */
export function checkAddress(host: string, refused: RefusedAddress): void {
  const why = isIP(host) === 0 ? undefined : refused(host);
  if (why !== undefined) throw refusal(host, why);
}

function refusal(host: string, why: string): TargetRefusedError {
  return new TargetRefusedError(`${host} ${why}: a target has to be reached through the network`);
}
