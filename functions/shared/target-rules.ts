import { BlockList, isIP } from 'node:net';

/** Which targets a deployed service may connect to; pure. On one machine neither rule holds: there the user and the
 *  operator are one, and a target on the loopback interface is the normal case. */

interface Refusal {
  readonly addresses: BlockList;
  /** What they are, to be put behind "is". */
  readonly kind: string;
}

/** The most telling first. Addresses of private networks are not here: that is where targets are. */
const REFUSALS: readonly Refusal[] = [
  {
    kind: 'an address of the metadata service',
    addresses: networks(['169.254.169.254/32', '169.254.170.2/32', '169.254.170.23/32', 'fd00:ec2::/32']),
  },
  { kind: 'a link-local address', addresses: networks(['169.254.0.0/16', 'fe80::/10']) },
  // Linux takes the unspecified addresses for the loopback interface.
  { kind: 'a loopback address', addresses: networks(['127.0.0.0/8', '0.0.0.0/8', '::/127']) },
];

/** Why nobody may connect to this IP address, as `is a loopback address`; undefined: one may. IPv4 addresses are known
 *  in each of their IPv6 forms. */
export function refusedAddress(address: string): string | undefined {
  const refusal = REFUSALS.find(({ addresses }) => includes(addresses, address));
  return refusal && `is ${refusal.kind}`;
}

const PRIVATE = networks(['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']);

/** True for an IP address that the internet routes, as far as its form tells. */
export function isPublicAddress(address: string): boolean {
  return isIP(address) !== 0 && !includes(PRIVATE, address) && refusedAddress(address) === undefined;
}

/** One entry of `allowedTargets`: `host`, `host:port` or a network such as `10.0.0.0/8`. */
export interface TargetPattern {
  readonly text: string;
  readonly matches: (host: string, port: number) => boolean;
}

/** A host is compared without regard to case, `*` in it stands for any text. IPv6 addresses with a port stand in
 *  brackets. A network matches addresses that lie in it, and no name, whatever it resolves to: that would be known only
 *  for the moment. Undefined when the text is none of that. */
export function parseTargetPattern(text: string): TargetPattern | undefined {
  if (text.includes('/')) {
    const network = parseNetwork(text);
    return network && { text, matches: (host) => includes(network, bare(host)) };
  }
  const { host, port } = splitPort(text);
  if (!/^[a-z0-9._*:-]+$/i.test(host) || (host.includes(':') && isIP(host) === 0)) return undefined;
  if (port !== undefined && !(port >= 1 && port <= 65_535)) return undefined;
  const named = isIP(host) === 0 ? nameMatcher(host) : addressMatcher(host);
  return { text, matches: (given, at) => (port === undefined || port === at) && named(bare(given)) };
}

function nameMatcher(pattern: string): (host: string) => boolean {
  const parts = bare(pattern)
    .split('*')
    .map((part) => part.replaceAll('.', String.raw`\.`));
  const expression = new RegExp(`^${parts.join('.*')}$`);
  return (host) => expression.test(host);
}

/** One address may be written in several ways. */
function addressMatcher(pattern: string): (host: string) => boolean {
  const one = new BlockList();
  one.addAddress(pattern, family(pattern));
  return (host) => includes(one, host);
}

/** As names are compared: without brackets, case and the dot of the root. */
function bare(host: string): string {
  return host
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase();
}

function splitPort(text: string): { readonly host: string; readonly port?: number | undefined } {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text) ?? /^([^:]+):(\d+)$/.exec(text);
  if (bracketed === null) return { host: text };
  const [, host = '', port] = bracketed;
  return { host, port: port === undefined ? undefined : Number(port) };
}

function networks(texts: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of texts) addNetwork(list, text);
  return list;
}

function parseNetwork(text: string): BlockList | undefined {
  const list = new BlockList();
  return addNetwork(list, text) ? list : undefined;
}

function addNetwork(list: BlockList, text: string): boolean {
  const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0 || Number(bits) > (version === 4 ? 32 : 128)) return false;
  list.addSubnet(address, Number(bits), family(address));
  return true;
}

function includes(list: BlockList, address: string): boolean {
  return isIP(address) !== 0 && list.check(address, family(address));
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}
