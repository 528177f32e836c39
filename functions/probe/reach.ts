import { connect as connectPlain, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TargetAddress } from './target-address.ts';
import { TargetProbeError } from './target-probe.ts';

export interface ReachOptions {
  readonly budgetMs: number;
  /** How the host's name is resolved; Node's own way when absent. What it fails with is passed on when that is a
   *  {@link TargetProbeError}. */
  readonly lookup?: LookupFunction | undefined;
}

/** Opens one connection and closes it again: tells apart what a gRPC client lumps together as "unavailable" (a name
 *  that does not resolve, a closed port, silence, a certificate that is not trusted). Answers the IP address that was
 *  reached. Fails with {@link TargetProbeError} within the budget. */
export async function reach(address: TargetAddress, options: ReachOptions): Promise<string> {
  const { budgetMs, lookup } = options;
  const where = `${address.host}:${address.port}`;
  let connected = false;
  let socket: Socket | undefined;
  try {
    socket = open(address, lookup, () => {
      connected = true;
    });
    await established(socket, address, budgetMs);
    return socket.remoteAddress ?? address.host;
  } catch (error) {
    if (error instanceof TargetProbeError) throw error;
    throw new TargetProbeError(sentence(where, address, { error, connected, budgetMs }), { cause: error });
  } finally {
    socket?.destroy();
  }
}

function established(socket: Socket, { tls }: TargetAddress, budgetMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(tls === undefined ? 'connect' : 'secureConnect', resolve);
    // Stays for good: an error that comes later is nobody's.
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
    socket.setTimeout(budgetMs, () => reject(new Timeout()));
  });
}

class Timeout extends Error {}

function open(
  { host, port, tls }: TargetAddress,
  lookup: LookupFunction | undefined,
  onConnected: () => void,
): Socket {
  const to = { host, port, ...(lookup === undefined ? {} : { lookup }) };
  if (tls === undefined) return connectPlain(to, onConnected);
  const servername = tls.serverName ?? (isIP(host) === 0 ? host : undefined);
  const socket = connectTls({
    ...to,
    ca: tls.ca,
    cert: tls.cert,
    key: tls.key,
    ALPNProtocols: ['h2'],
    ...(servername === undefined ? {} : { servername }),
  });
  socket.once('connect', onConnected);
  return socket;
}

interface Outcome {
  readonly error: unknown;
  readonly connected: boolean;
  readonly budgetMs: number;
}

function sentence(where: string, address: TargetAddress, { error, connected, budgetMs }: Outcome): string {
  if (error instanceof Timeout) return `${where} did not answer within ${budgetMs / 1000} s`;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the host name of ${where} cannot be resolved`;
  if (code.startsWith('ERR_OSSL'))
    return `the certificates or the key given for ${where} cannot be used: ${code}`;
  if (code === 'ECONNREFUSED') return `nothing listens at ${where}`;
  const detail = code || (error instanceof Error ? error.message : String(error));
  if (connected && address.tls !== undefined) return `no TLS connection to ${where}: ${detail}`;
  return `${where} cannot be reached: ${detail}`;
}
