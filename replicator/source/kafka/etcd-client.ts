import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { KeyValue } from '../../wire/gen/etcd_kv_pb.ts';
import {
  AuthenticateRequestSchema,
  AuthenticateResponseSchema,
  RangeRequestSchema,
  RangeResponseSchema,
} from '../../wire/gen/etcd_rpc_pb.ts';
import { SourceUnavailableError } from '../change-source.ts';
import type { EtcdConfig } from './config.ts';
import { EtcdEndpoint, type EtcdMethod } from './etcd-endpoint.ts';
import { authenticationIsOff, etcdVerdict, statusDetails } from './etcd-verdict.ts';

const RANGE: EtcdMethod<typeof RangeRequestSchema, typeof RangeResponseSchema> = {
  path: '/etcdserverpb.KV/Range',
  request: RangeRequestSchema,
  response: RangeResponseSchema,
};
const AUTHENTICATE: EtcdMethod<typeof AuthenticateRequestSchema, typeof AuthenticateResponseSchema> = {
  path: '/etcdserverpb.Auth/Authenticate',
  request: AuthenticateRequestSchema,
  response: AuthenticateResponseSchema,
};

const CALL_TIMEOUT_MS = 5_000;
const PAGE_KEYS = 2_000;

export interface ListOptions {
  /** Reads as of this revision; undefined: now, linearizable. */
  readonly revision?: bigint | undefined;
  /** Only keys last modified at or after this revision; `count` still counts all. */
  readonly minModRevision?: bigint | undefined;
  readonly keysOnly?: boolean | undefined;
  /** At most this many keys; undefined: all, page by page. */
  readonly limit?: number | undefined;
}

export interface Listing {
  /** The revision that all pages were read at. */
  readonly revision: bigint;
  readonly kvs: readonly KeyValue[];
  /** Number of keys in the range, whatever was left out of `kvs`. */
  readonly count: bigint;
}

/** The revision a read asked for is no longer kept by etcd. */
export class EtcdCompactedError extends Error {
  override readonly name = 'EtcdCompactedError';
}

/** Reads etcd v3 through any member that answers.
 *
 *  A call goes to the member that served last and moves on when that one fails; each member is tried once, a single
 *  member twice. Logs in when the server asks for it, again whenever the token is no longer known.
 *  Fails with {@link SourceUnavailableError}, which names the members tried and what they said, never a credential. */
export class EtcdClient {
  readonly #endpoints: readonly EtcdEndpoint[];
  readonly #auth: EtcdConfig['auth'];
  #current = 0;
  #token: string | undefined;
  #login: Promise<void> | undefined;

  constructor(config: EtcdConfig) {
    this.#endpoints = config.endpoints.map((endpoint) => new EtcdEndpoint(endpoint, config.tls));
    this.#auth = config.auth;
  }

  /** All keys in `[from, end)`, linearizable unless a revision is given, in key order. */
  async list(from: string, end: string, options: ListOptions, signal: AbortSignal): Promise<Listing> {
    const kvs: KeyValue[] = [];
    let revision = options.revision ?? 0n;
    let key: Uint8Array = Buffer.from(from);
    for (let count = -1n; ; ) {
      const page = await this.#call(
        RANGE,
        {
          key,
          rangeEnd: Buffer.from(end),
          revision,
          limit: BigInt(options.limit ?? PAGE_KEYS),
          keysOnly: options.keysOnly ?? false,
          minModRevision: options.minModRevision ?? 0n,
        },
        signal,
      );
      if (revision === 0n) revision = page.header?.revision ?? 0n;
      // The first page counts the whole range, later ones only what is left.
      if (count < 0n) count = page.count;
      for (const kv of page.kvs) kvs.push(kv);
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined || kvs.length >= (options.limit ?? Number.POSITIVE_INFINITY)) {
        return { revision, kvs, count };
      }
      key = Buffer.concat([last.key, Buffer.of(0)]);
    }
  }

  /** The member and token that a watch should use now. `failed` moves later calls to the next member. */
  async session(
    signal: AbortSignal,
  ): Promise<{ readonly endpoint: EtcdEndpoint; readonly token: string | undefined }> {
    if (this.#auth !== undefined && this.#token === undefined) await this.#authenticate(signal);
    return { endpoint: this.#endpoint(), token: this.#token };
  }

  /** Tells that the current member, or the login with it, failed a watch. */
  failed(error: unknown): void {
    if (etcdVerdict(error) === 'elsewhere') this.#moveOn();
    else this.#token = undefined;
  }

  close(): void {
    for (const endpoint of this.#endpoints) endpoint.close();
  }

  async #call<Req extends DescMessage, Res extends DescMessage>(
    method: EtcdMethod<Req, Res>,
    init: MessageInitShape<Req>,
    signal: AbortSignal,
  ): Promise<MessageShape<Res>> {
    let loggedIn = false;
    return this.#onAnyEndpoint(signal, async (endpoint) => {
      if (this.#auth !== undefined && this.#token === undefined) await this.#authenticate(signal);
      const attempt = (): Promise<MessageShape<Res>> =>
        endpoint.call(method, init, { timeoutMs: CALL_TIMEOUT_MS, signal, token: this.#token });
      try {
        return await attempt();
      } catch (error) {
        if (loggedIn || this.#auth === undefined || etcdVerdict(error) !== 'login') throw error;
        loggedIn = true;
        this.#token = undefined;
        await this.#authenticate(signal);
        return attempt();
      }
    });
  }

  /** One login at a time, however many calls wait for it. */
  async #authenticate(signal: AbortSignal): Promise<void> {
    this.#login ??= this.#logIn().finally(() => {
      this.#login = undefined;
    });
    await this.#login;
    signal.throwIfAborted();
  }

  async #logIn(): Promise<void> {
    const auth = this.#auth;
    if (auth === undefined) return;
    const init = { name: auth.username, password: auth.password };
    // Not bound to one caller's signal: the others wait for the same answer.
    const signal = new AbortController().signal;
    try {
      const answer = await this.#onAnyEndpoint(signal, (endpoint) =>
        endpoint.call(AUTHENTICATE, init, { timeoutMs: CALL_TIMEOUT_MS, signal, token: undefined }),
      );
      this.#token = answer.token;
    } catch (error) {
      if (!authenticationIsOff(error)) throw error;
      this.#token = '';
    }
  }

  async #onAnyEndpoint<T>(signal: AbortSignal, attempt: (endpoint: EtcdEndpoint) => Promise<T>): Promise<T> {
    const attempts = Math.max(2, this.#endpoints.length);
    const said: string[] = [];
    for (let tried = 0; ; ) {
      const endpoint = this.#endpoint();
      try {
        return await attempt(endpoint);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof SourceUnavailableError) throw error;
        const verdict = etcdVerdict(error);
        if (verdict === 'compacted') throw new EtcdCompactedError(statusDetails(error));
        tried += 1;
        said.push(`${endpoint.name}: ${statusDetails(error)}`);
        if (verdict !== 'elsewhere' || tried >= attempts) {
          throw new SourceUnavailableError(`etcd does not answer (${said.join('; ')})`, { cause: error });
        }
        this.#moveOn();
      }
    }
  }

  #endpoint(): EtcdEndpoint {
    const endpoint = this.#endpoints[this.#current % this.#endpoints.length];
    if (endpoint === undefined) throw new SourceUnavailableError('no etcd endpoint is configured');
    return endpoint;
  }

  #moveOn(): void {
    this.#current = (this.#current + 1) % this.#endpoints.length;
  }
}

/** The exclusive end of the range of all keys that begin with `prefix`. Keys of Milvus are ASCII. */
export function prefixEnd(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1);
  return prefix.slice(0, -1) + String.fromCharCode(last + 1);
}

/** The exclusive end of the range that holds one key. */
export function keyEnd(key: string): string {
  return `${key}\0`;
}
