import type { Run } from '#shared/task/run.ts';
import type { LastExit } from '#shared/task/task.ts';
import type { Clock } from './clock.ts';
import type { Settings } from './settings.ts';

/** Watches a lease that somebody else holds or held, until it is certain that nothing more comes from there.
 *  Only this machine's monotonic clock counts: clocks of two machines are never compared. */
export class LeaseWatch {
  readonly #clock: Clock;
  readonly #settings: Settings;
  #seen: { readonly epoch: number; readonly beat: number; readonly since: number } | undefined;

  constructor(options: { readonly clock: Clock; readonly settings: Settings }) {
    this.#clock = options.clock;
    this.#settings = options.settings;
  }

  /** Milliseconds from now on after which nothing that the holder of `run` sent is executed any more; undefined while it
   *  may still send. Asked again and again with what is stored now. `lastExit`: what is known of the end of a launch. */
  settleMs(run: Run, lastExit: LastExit | undefined): number | undefined {
    const { requestDeadlineMs, settleMs, leaseMs } = this.#settings;
    if (run.released === 'drained') return 0;
    // The end of a launch in between, which never held the lease, says nothing about the one that does.
    if (lastExit?.confirmed === true && lastExit.generation === run.generation) return settleMs;
    if (run.released === 'undrained') return requestDeadlineMs + settleMs;
    const { epoch, beat } = run;
    if (this.#seen?.epoch !== epoch || this.#seen.beat !== beat) {
      this.#seen = { epoch, beat, since: this.#clock.monotonic() };
    }
    const still = this.#clock.monotonic() - this.#seen.since;
    return still >= leaseMs + requestDeadlineMs + settleMs ? 0 : undefined;
  }
}
