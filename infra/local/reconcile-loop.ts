import type { Fleet } from '#shared/fleet/fleet.ts';
import { type ReconcilerDeps, reconcileTask, sweep } from '../../functions/reconcile/reconciler.ts';

/** A sweep finds what no hint told, so it need not be often. */
const SWEEP_MS = 3_000;
const SOONEST_MS = 50;

/** Runs the reconciler on one machine: a sweep every few seconds or when one asked for it, and at once for a task whose
 *  replicator ended. */
export class ReconcileLoop {
  readonly #deps: ReconcilerDeps;
  readonly #underWay = new Set<Promise<unknown>>();
  #timer: NodeJS.Timeout | undefined;
  #plannedAt = Number.POSITIVE_INFINITY;
  #stopListening: (() => void) | undefined;
  #stopped = false;

  constructor(deps: ReconcilerDeps & { readonly fleet: Fleet }) {
    this.#deps = deps;
  }

  start(): void {
    this.#stopListening = this.#deps.fleet.onExit?.((taskId) => {
      this.reconcile(taskId).catch((error: unknown) =>
        this.#deps.log.warn(
          { err: error, taskId },
          'reconciling after an exit failed; the next sweep does it',
        ),
      );
    });
    this.#plan(0);
  }

  /** Brings one task nearer to what is wanted; nothing once this is stopping, or a drained replicator would be started
   *  again. */
  async reconcile(taskId: string): Promise<void> {
    if (this.#stopped) return;
    const { wakeAt } = await this.#track(reconcileTask(this.#deps, taskId));
    if (wakeAt !== undefined) this.#plan(wakeAt - this.#deps.now());
  }

  /** Begins nothing any more and waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#stopListening?.();
    await Promise.allSettled(this.#underWay);
  }

  /** The soonest plan stands. */
  #plan(delayMs: number): void {
    const delay = Math.min(Math.max(delayMs, SOONEST_MS), SWEEP_MS);
    const at = performance.now() + delay;
    if (this.#stopped || at >= this.#plannedAt) return;
    this.#plannedAt = at;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#sweep(), delay);
  }

  async #sweep(): Promise<void> {
    let next = SWEEP_MS;
    try {
      const { wakeAt } = await this.#track(sweep(this.#deps));
      if (wakeAt !== undefined) next = wakeAt - this.#deps.now();
    } catch (error) {
      this.#deps.log.error({ err: error }, 'a sweep failed');
    }
    this.#plannedAt = Number.POSITIVE_INFINITY;
    this.#plan(next);
  }

  async #track<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(work);
    }
  }
}
