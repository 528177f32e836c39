import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { TIMING } from '#shared/names.ts';
import type { Clock } from './clock.ts';

/** What a health check wants to know of a lease. */
export interface HeldLease {
  /** Milliseconds until it runs out. */
  readonly remainingMs: number;
}

export interface Verdict {
  readonly healthy: boolean;
  /** One word or a few, for whoever looks into the check's output. */
  readonly word: string;
}

/** Whether a replicator is worth keeping alive: it holds its lease, or has not had the time to get it. A replicator that
 *  waits for a predecessor is healthy, within bounds; trouble with source or target is no reason to start anew. */
export class Health {
  readonly #clock: Clock;
  readonly #startedAt: number;
  #lease: HeldLease | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
  }

  /** The lease was taken, and from now on it counts. */
  holds(lease: HeldLease): void {
    this.#lease = lease;
  }

  get verdict(): Verdict {
    if (this.#lease !== undefined) {
      const healthy = this.#lease.remainingMs > 0;
      return { healthy, word: healthy ? 'lease held' : 'lease ran out' };
    }
    const healthy = this.#clock.monotonic() - this.#startedAt < TIMING.firstLeaseSeconds * 1_000;
    return { healthy, word: healthy ? 'waiting for the lease' : 'no lease yet' };
  }
}

/** Tells the verdict to whoever asks on this machine: 200 or 503. That there is an answer at all says that the event loop
 *  turns. Fails when the port is taken. */
export async function serveHealth(health: Pick<Health, 'verdict'>, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    const { healthy, word } = health.verdict;
    response.writeHead(healthy ? 200 : 503, { 'content-type': 'text/plain', connection: 'close' });
    response.end(`${word}\n`);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  // It keeps no process alive.
  server.unref();
  return server;
}
