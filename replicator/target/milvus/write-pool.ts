import { Connection, type ConnectionOptions } from './connection.ts';

interface Idle {
  readonly connection: Connection;
  readonly since: number;
}

/** Load balancers forget a connection on which nothing happens (the soonest after some minutes) without a word, and
 *  a request sent there ends as ambiguous. */
const MAX_IDLE_MS = 60_000;

/** Connections for writes, one per write that is under way, so that giving one up disturbs no other.
 *  Used by MilvusTarget; the number of writes under way is its caller's business. */
export class WritePool {
  readonly #options: ConnectionOptions;
  readonly #idle: Idle[] = [];
  readonly #busy = new Set<Connection>();
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Undefined after {@link close}. The connection is to be given back with {@link release} or {@link discard}. */
  acquire(): Connection | undefined {
    if (this.#closed) return undefined;
    const connection = this.#takeIdle() ?? new Connection(this.#options);
    this.#busy.add(connection);
    return connection;
  }

  release(connection: Connection): void {
    // After close it is reset already.
    if (this.#busy.delete(connection)) this.#idle.push({ connection, since: performance.now() });
  }

  discard(connection: Connection): void {
    this.#busy.delete(connection);
    connection.reset();
  }

  /** Resets all connections, the ones under way included. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#busy) connection.reset();
    for (const { connection } of this.#idle) connection.reset();
    this.#busy.clear();
    this.#idle.length = 0;
  }

  /** The one used last: the others age, and are closed when their turn comes. */
  #takeIdle(): Connection | undefined {
    const oldest = performance.now() - MAX_IDLE_MS;
    while (this.#idle[0] !== undefined && this.#idle[0].since < oldest)
      this.#idle.shift()?.connection.reset();
    return this.#idle.pop()?.connection;
  }
}
