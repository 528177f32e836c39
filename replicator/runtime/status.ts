import type { Code } from '#shared/errors.ts';
import type { Counters, PastError, Phase, Reason, Run } from '#shared/task/run.ts';
import { type Clock, isoTime } from './clock.ts';
import { LatencySample } from './latency-sample.ts';

/** The newest error goes with every renewal of the lease, for good, and a write is paid by its size. */
const LONGEST_ERROR = 200;

/** What a job says about itself: its phase and why, its counters, its warnings. Everything else reports to it. */
export class JobStatus {
  readonly #clock: Clock;
  readonly #troubles = new Map<string, Reason>();
  readonly #warnings = new Map<string, Reason>();
  #base: Exclude<Phase, 'retrying'> = 'starting';
  #shown: Phase = 'starting';
  #since: string;
  #failure: Reason | undefined;
  #lastError: PastError | undefined;
  readonly counters: { -readonly [K in keyof Counters]: number };
  /** Milliseconds that the target took to answer writes, whatever it answered. */
  readonly writeLatencies: LatencySample;

  /** `before`: what the job found of the account of those before it. */
  constructor(clock: Clock, before?: Pick<Run, 'counters' | 'lastError'>) {
    this.#clock = clock;
    this.#since = isoTime(clock);
    this.writeLatencies = new LatencySample(() => clock.random());
    this.#lastError = before?.lastError;
    this.counters = before === undefined ? emptyCounters() : { ...before.counters };
  }

  set phase(phase: Exclude<Phase, 'retrying'>) {
    this.#base = phase;
    this.#refresh();
  }

  get phase(): Phase {
    return this.#shown;
  }

  get phaseSince(): string {
    return this.#since;
  }

  /** The oldest thing that is being retried, or why the job failed. */
  get reason(): Reason | undefined {
    return this.#failure ?? this.#troubles.values().next().value;
  }

  /** The newest thing that went wrong, also when it is over. */
  get lastError(): PastError | undefined {
    return this.#lastError;
  }

  get warnings(): Reason[] {
    return [...this.#warnings.values()];
  }

  /** Something does not work and is being tried again; `part` names it for {@link clear}. */
  trouble(part: string, code: Code, message: string): void {
    this.counters.retries++;
    this.#troubles.set(part, { code, message });
    this.note(code, message);
    this.#refresh();
  }

  clear(part: string): void {
    if (this.#troubles.delete(part)) this.#refresh();
  }

  warn(part: string, code: Code, message: string): void {
    this.#warnings.set(part, { code, message });
  }

  /** Something went wrong. */
  note(code: Code, message: string): void {
    const shown = message.length > LONGEST_ERROR ? `${message.slice(0, LONGEST_ERROR)}…` : message;
    this.#lastError = { code, message: shown, at: isoTime(this.#clock) };
  }

  unwarn(part: string): void {
    this.#warnings.delete(part);
  }

  failed(code: Code, message: string): void {
    this.#failure = { code, message };
    this.phase = 'failed';
  }

  #refresh(): void {
    const retrying = this.#troubles.size > 0 && (this.#base === 'streaming' || this.#base === 'starting');
    const shown: Phase = retrying ? 'retrying' : this.#base;
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#since = isoTime(this.#clock);
  }
}

function emptyCounters(): Counters {
  return {
    rowsInserted: 0,
    rowsUpserted: 0,
    keysDeleted: 0,
    bytes: 0,
    requests: 0,
    retries: 0,
    ambiguous: 0,
    rowsOfDroppedCollections: 0,
  };
}
