import type { Logger } from '#shared/log.ts';
import { afterAnswer, type Mode } from '../engine/attempt.ts';
import type { Lane, LaneLimits, LaneRequest } from '../engine/lane.ts';
import { replayKind } from '../engine/ops.ts';
import type { Answer, CollectionName, Target, WriteRequest } from '../target/target.ts';
import { Backoff } from './backoff.ts';
import { type Clock, sleep } from './clock.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import { SendPace } from './send-pace.ts';
import type { Settings } from './settings.ts';
import type { JobStatus } from './status.ts';

/** How the rows of a lane are addressed on the target. */
export interface Address extends CollectionName {
  readonly keyField: string;
  readonly omit: ReadonlySet<string>;
}

/** A lane with what is needed to send from it. */
export interface SendLane {
  readonly lane: Lane;
  readonly address: Address;
  /** True while more changes are at hand: then a request waits until it is full or nothing else is in flight. */
  readonly filling: boolean;
  /** Nothing is taken from a stopped lane. */
  readonly stopped: boolean;
  /** The target will never take this request. The lane is stopped before this returns; whoever is told calls
   *  {@link Lane.done} for it once the collection's own cursor is durable. */
  refused(request: LaneRequest, code: number, message: string): void;
  /** A request was applied. */
  applied(): void;
}

export interface SenderOptions {
  readonly target: Target;
  readonly lease: LeaseKeeper;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly status: JobStatus;
  readonly log: Logger;
  /** Monotonic time before which nothing may be sent: what a predecessor sent may still execute. */
  readonly notBefore: number;
  readonly signal: AbortSignal;
  /** Told of a fault of this program or of the end of the lease. */
  readonly onError: (error: unknown) => void;
}

/** Sends the requests of all lanes, several in flight, and never lets go of one before it is certain.
 *  A request keeps its place in flight, and its keys blocked, while it is retried or settles. See SPEC.md I9, I10. */
export class Sender {
  readonly limits: LaneLimits;
  readonly #options: SenderOptions;
  readonly #pace: SendPace;
  readonly #lanes = new Set<SendLane>();
  #inFlight = 0;
  #serial = 0;
  #open = true;
  #uncertain = false;

  constructor(options: SenderOptions) {
    this.#options = options;
    const { requestBytes, requestsInFlight, requestDeadlineMs } = options.settings;
    this.limits = { maxBytes: requestBytes, maxDeleteKeys: 4_000 };
    this.#pace = new SendPace({
      limits: this.limits,
      maxInFlight: requestsInFlight,
      deadlineMs: requestDeadlineMs,
    });
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** True when nothing is in flight and the outcome of everything that was sent is known. */
  get drained(): boolean {
    return this.#inFlight === 0 && !this.#uncertain;
  }

  add(lane: SendLane): void {
    this.#lanes.add(lane);
  }

  remove(lane: SendLane): void {
    this.#lanes.delete(lane);
  }

  /** From now on nothing new is sent. */
  close(): void {
    this.#open = false;
  }

  /** Sends whatever may be sent now. Call it whenever that may have changed. */
  kick(): void {
    const { signal } = this.#options;
    let idle = 0;
    while (this.#open && !signal.aborted && this.#inFlight < this.#pace.inFlight && idle < this.#lanes.size) {
      const [next] = this.#lanes;
      if (next === undefined) return;
      this.#lanes.delete(next);
      this.#lanes.add(next);
      const request = next.stopped ? undefined : next.lane.take(!next.filling || this.#inFlight === 0);
      if (request === undefined) idle++;
      else {
        idle = 0;
        this.#start(next, request);
      }
    }
  }

  #start(lane: SendLane, request: LaneRequest): void {
    this.#inFlight++;
    this.#send(lane, request)
      .catch((error: unknown) => {
        this.#uncertain = true;
        if (!this.#options.signal.aborted) this.#options.onError(error);
      })
      .finally(() => {
        this.#inFlight--;
        this.kick();
      });
  }

  async #send(lane: SendLane, request: LaneRequest): Promise<void> {
    const { status, clock, settings, signal, log } = this.#options;
    const part = `write ${++this.#serial}`;
    const backoff = new Backoff({ clock });
    const answers = new Repeats();
    let mode: Mode = 'planned';
    try {
      for (;;) {
        const next = await this.#attempt(lane, request, mode, answers);
        if (next.kind === 'done') break;
        if (next.kind === 'refuse') {
          lane.refused(request, next.code, next.message);
          return;
        }
        status.trouble(part, 'target_unavailable', next.message);
        if (next.kind === 'wait') {
          log.debug({ message: next.message }, 'write not taken; trying again');
          await backoff.wait(signal);
        } else {
          status.counters.ambiguous++;
          mode = 'repeat';
          log.warn(
            { message: next.message, rows: request.keys.length },
            'outcome of a write unknown; settling',
          );
          await sleep(clock, settings.settleMs, signal);
          await backoff.wait(signal);
        }
      }
    } finally {
      status.clear(part);
    }
    this.#count(request, mode);
    lane.lane.done(request);
    lane.applied();
  }

  async #attempt(lane: SendLane, request: LaneRequest, mode: Mode, answers: Repeats) {
    const { target, lease, settings, signal, clock, status, notBefore } = this.#options;
    for (const write of writesOf(lane.address, request, mode)) {
      const wait = notBefore - clock.monotonic();
      if (wait > 0) await sleep(clock, wait, signal);
      await lease.room(settings.requestDeadlineMs, signal);
      const sentAt = clock.monotonic();
      const answer = await target.write(write, settings.requestDeadlineMs);
      signal.throwIfAborted();
      const took = clock.monotonic() - sentAt;
      status.writeLatencies.note(took);
      const next = afterAnswer(answer, answers.note(answer));
      this.#pace.note(took, next.kind === 'done');
      if (next.kind !== 'done') return next;
    }
    return { kind: 'done' } as const;
  }

  #count(request: LaneRequest, mode: Mode): void {
    const { counters } = this.#options.status;
    counters.requests++;
    counters.bytes += request.bytes;
    if (request.kind === 'delete') counters.keysDeleted += request.keys.length;
    else if (request.kind === 'insert' && mode === 'planned') counters.rowsInserted += request.keys.length;
    else counters.rowsUpserted += request.keys.length;
  }
}

/** Counts how often one and the same answer came in a row. */
class Repeats {
  #last = '';
  #count = 0;

  /** How often this very answer came in a row before. */
  note(answer: Answer): number {
    const text = JSON.stringify(answer);
    this.#count = text === this.#last ? this.#count + 1 : 0;
    this.#last = text;
    return this.#count;
  }
}

/** The writes that carry out one request; each is sent after the one before was applied. */
export function writesOf(address: Address, request: LaneRequest, mode: Mode): readonly WriteRequest[] {
  const { database, collection, keyField, omit } = address;
  const { partition, parts, keys } = request;
  const rows = { database, collection, partition, parts, omit };
  const remove = { kind: 'delete', database, collection, partition, keyField, keys } as const;
  const kind = request.kind === 'insert' && mode === 'repeat' ? replayKind(keys) : request.kind;
  switch (kind) {
    case 'delete':
      return [remove];
    case 'insert':
    case 'upsert':
      return [{ kind, ...rows }];
    case 'replace':
      return [remove, { kind: 'insert', ...rows }];
  }
}
