import { isIP } from 'node:net';
import { type ClientConfig, MilvusClient } from '@zilliz/milvus2-sdk-node';
import type { TargetSecret } from '#shared/secrets/secret-store.ts';
import type { TargetConnection } from '#shared/task/task.ts';
import { checkAddress, guardedLookup, type RefusedAddress } from './guarded-lookup.ts';
import { reach } from './reach.ts';
import { addressOf, type TargetAddress } from './target-address.ts';
import { type TargetFacts, type TargetProbe, TargetProbeError } from './target-probe.ts';

export interface MilvusTargetProbeOptions {
  /** Where no target may be. @default anywhere is fine */
  readonly refused?: RefusedAddress | undefined;
}

/** Checks a target with Milvus's own SDK: connect, log in, ask for the version. */
export class MilvusTargetProbe implements TargetProbe {
  readonly #refused: RefusedAddress | undefined;

  constructor({ refused }: MilvusTargetProbeOptions = {}) {
    this.#refused = refused;
  }

  async check(
    target: TargetConnection,
    credentials: TargetSecret | undefined,
    budgetMs: number,
  ): Promise<TargetFacts> {
    const end = performance.now() + budgetMs;
    const address = addressOf(target, credentials);
    const ip = await this.#reach(address, budgetMs);
    const left = Math.max(1, end - performance.now());
    return within(left, address, () => login({ ...address, ip }, credentials?.token, left));
  }

  /** Answers the one IP address to connect to from now on, if that matters. */
  async #reach(address: TargetAddress, budgetMs: number): Promise<string | undefined> {
    const refused = this.#refused;
    if (refused === undefined) {
      await reach(address, { budgetMs });
      return undefined;
    }
    checkAddress(address.host, refused);
    return reach(address, { budgetMs, lookup: guardedLookup(refused) });
  }
}

interface LoginAddress extends TargetAddress {
  /** Where to connect, instead of where the host's name may lead. */
  readonly ip: string | undefined;
}

async function login(
  address: LoginAddress,
  token: string | undefined,
  budgetMs: number,
): Promise<TargetFacts> {
  let client: MilvusClient | undefined;
  try {
    client = new MilvusClient(clientConfig(address, token, budgetMs));
    await client.connectPromise;
    const answer = await client.getVersion();
    // The SDK makes an empty success of "unimplemented".
    if (answer.version === undefined) {
      throw new TargetProbeError(`what listens at ${where(address)} is not a Milvus`);
    }
    return { version: answer.version };
  } catch (error) {
    throw error instanceof TargetProbeError ? error : new TargetProbeError(sentence(address, token, error));
  } finally {
    // Waits for calls that may never end; the answer does not.
    client?.closeConnection().catch(() => undefined);
  }
}

/** With its defaults the SDK retries a server that is away without end, and sends telemetry unasked. */
function clientConfig(address: LoginAddress, token: string | undefined, timeout: number): ClientConfig {
  const { tls, host, port, ip = host } = address;
  return {
    address: where({ host: ip, port }),
    ssl: tls !== undefined,
    ...(token === undefined || token === '' ? {} : { token }),
    ...(tls === undefined ? {} : { tls: tlsConfig({ ...tls, serverName: tls.serverName ?? nameOf(host) }) }),
    timeout,
    maxRetries: 0,
    isGlobal: false,
    logLevel: 'silent',
    telemetry: { enabled: false },
    channelOptions: {
      'grpc.enable_retries': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.default_authority': where(address),
    },
  };
}

function tlsConfig(tls: NonNullable<TargetAddress['tls']>): NonNullable<ClientConfig['tls']> {
  return {
    ...(tls.ca === undefined ? {} : { rootCert: Buffer.from(tls.ca) }),
    ...(tls.key === undefined ? {} : { privateKey: Buffer.from(tls.key) }),
    ...(tls.cert === undefined ? {} : { certChain: Buffer.from(tls.cert) }),
    ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
  };
}

/** A TLS server name must be a name. */
function nameOf(host: string): string | undefined {
  return isIP(host) === 0 ? host : undefined;
}

/** The SDK's own deadlines do not cover all that it does. */
async function within<T>(budgetMs: number, address: TargetAddress, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TargetProbeError(tooLate(address))), budgetMs);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}

function tooLate(address: TargetAddress): string {
  return `${where(address)} accepts connections but does not answer as a Milvus does, context deadline exceeded`;
}

/** grpc status codes that have a sentence of their own. */
const UNAUTHENTICATED = 16;
const PERMISSION_DENIED = 7;
const DEADLINE_EXCEEDED = 4;
const UNAVAILABLE = 14;
/** Some versions say it in words only. */
const ABOUT_LOGIN = /auth check failure|missing authorization|unauthenticated/i;

function sentence(address: TargetAddress, token: string | undefined, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const message = error instanceof Error ? error.message : String(error);
  if (code === UNAUTHENTICATED || code === PERMISSION_DENIED || ABOUT_LOGIN.test(message)) {
    const given = token === undefined || token === '' ? 'it asks for a login' : 'it refuses this login';
    return `${where(address)} is a Milvus, but ${given}`;
  }
  if (code === DEADLINE_EXCEEDED) return tooLate(address);
  if (code === UNAVAILABLE) return `${where(address)} accepts connections but does not speak gRPC`;
  return `${where(address)} refuses: ${withoutSecret(message, token)}`;
}

function withoutSecret(text: string, token: string | undefined): string {
  const parts = [token ?? '', ...(token ?? '').split(':')].filter((part) => part.length >= 4);
  return parts.reduce((shown, part) => shown.replaceAll(part, '***'), text);
}

function where({ host, port }: Pick<TargetAddress, 'host' | 'port'>): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
