import type { Problems } from './problems.ts';

export interface ListenAddress {
  /** Undefined: all interfaces. */
  readonly host?: string | undefined;
  readonly port: number;
}

/** Without a config file only this machine is served; nobody has said that others may. */
const DEFAULT: ListenAddress = { host: '127.0.0.1', port: 8444 };

/** `host:port`, `[ipv6]:port` or `:port`, as Go listens. */
export function parseAddress(given: string | undefined, problems: Pick<Problems, 'refuse'>): ListenAddress {
  if (given === undefined) return DEFAULT;
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(given);
  const port = Number(match?.[3] ?? Number.NaN);
  if (match === null || port > 65_535) {
    problems.refuse('address', 'must be host:port');
    return DEFAULT;
  }
  const host = match[1] ?? match[2] ?? '';
  return host === '' ? { port } : { host, port };
}

/** True when other machines can connect. */
export function isPublic({ host }: ListenAddress): boolean {
  return host === undefined || !(host === 'localhost' || host === '::1' || /^127\./.test(host));
}
