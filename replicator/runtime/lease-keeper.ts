import { CdcError } from '#shared/errors.ts';
import type { Logger } from '#shared/log.ts';
import { type Fence, FencedError, type TaskStore } from '#shared/store/task-store.ts';
import type { RunUpdate } from '#shared/task/run.ts';
import { type Clock, isoTime, sleep } from './clock.ts';
import type { Settings } from './settings.ts';
import { Wake } from './wake.ts';

/** What a renewal carries besides the lease: the job's account of itself, and what to do once it is durable. */
export interface Account {
  /** Made when it is asked for: most looks at an account only want to know whether it is urgent. */
  readonly update: () => Omit<RunUpdate, 'leaseExpiresAt'>;
  /** True when something waits for this write: a horizon, or a checkpoint that has moved. */
  readonly urgent: boolean;
  written(): void;
}

export interface LeaseKeeperOptions {
  readonly store: TaskStore;
  readonly fence: Fence;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly log: Logger;
  /** Monotonic time at which the update that took the lease was sent. */
  readonly takenAt: number;
  readonly account: () => Account;
}

/** Keeps the lease, and with it the checkpoint and the horizons: one conditional write does all three.
 *
 *  **Invariant:** nothing is sent unless its deadline fits into what is left of the lease, counted from before the
 *  renewal was sent. When the lease is lost, {@link run} fails and the job ends at once. See SPEC.md I8. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #wake = new Wake();
  readonly #renewed: (() => void)[] = [];
  #validUntil: number;
  #hurry = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#validUntil = options.takenAt + options.settings.leaseMs;
  }

  get fence(): Fence {
    return this.#options.fence;
  }

  get remainingMs(): number {
    return this.#validUntil - this.#options.clock.monotonic();
  }

  /** Asks for a write now instead of at the next beat: somebody waits for a farther horizon. */
  hurry(): void {
    if (this.#hurry) return;
    this.#hurry = true;
    this.#wake.notify();
  }

  /** Resolves once `ms` fit into what is left of the lease. */
  async room(ms: number, signal: AbortSignal): Promise<void> {
    while (this.remainingMs < ms) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#renewed.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
        this.hurry();
      });
    }
    signal.throwIfAborted();
  }

  /** Renews until the signal aborts. Fails with a {@link CdcError} `lease_lost` when the lease is another's, and
   *  `store_unavailable` when it ran out because the store was away. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#options;
    let lastWrite = clock.monotonic();
    while (!signal.aborted) {
      const sinceWrite = clock.monotonic() - lastWrite;
      const account = this.#options.account();
      const due =
        this.#hurry ||
        sinceWrite >= settings.renewMs ||
        (account.urgent && sinceWrite >= settings.checkpointMs);
      if (!due) {
        // Nobody tells when a checkpoint becomes urgent, so it is looked at as often as one may be written.
        const left = (account.urgent ? settings.checkpointMs : settings.renewMs) - sinceWrite;
        await this.#wake.wait(signal, { clock, ms: Math.max(1, Math.min(left, settings.checkpointMs)) });
        continue;
      }
      this.#hurry = false;
      lastWrite = clock.monotonic();
      await this.#renew(account, signal);
    }
  }

  async #renew(account: Account, signal: AbortSignal): Promise<void> {
    const { store, fence, clock, settings, log } = this.#options;
    const update = account.update();
    for (;;) {
      const sentAt = clock.monotonic();
      try {
        await store.renewLease(fence, {
          ...update,
          leaseExpiresAt: isoTime(clock, settings.leaseMs),
        });
        this.#validUntil = sentAt + settings.leaseMs;
        account.written();
        for (const resolve of this.#renewed.splice(0)) resolve();
        return;
      } catch (error) {
        if (error instanceof FencedError) {
          throw new CdcError('lease_lost', 'another job has taken this task over', { cause: error });
        }
        if (this.remainingMs <= 0) {
          throw new CdcError('store_unavailable', 'the lease ran out while the task store was away', {
            cause: error,
          });
        }
        log.warn(
          { err: error, leaseLeftMs: Math.round(this.remainingMs) },
          'lease not renewed; trying again',
        );
        await sleep(clock, Math.min(500, Math.max(50, this.remainingMs / 10)), signal);
      }
    }
  }
}
