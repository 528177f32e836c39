import type { Logger } from '#shared/log.ts';
import { FencedError, StoreUnavailableError, type TaskStore } from '#shared/store/task-store.ts';
import type { Run } from '#shared/task/run.ts';
import { Backoff } from './backoff.ts';
import { type Clock, isoTime, sleep } from './clock.ts';
import { LeaseWatch } from './lease-watch.ts';
import type { Settings } from './settings.ts';

export interface ClaimOptions {
  readonly store: TaskStore;
  readonly taskId: string;
  readonly incarnation: string;
  readonly generation: number;
  readonly owner: string;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export interface Claimed {
  readonly run: Run;
  /** Monotonic time at which the update was sent: the lease counts from there. */
  readonly takenAt: number;
  /** Monotonic time before which nothing may be sent: requests of the predecessor may still execute. */
  readonly sendFrom: number;
}

/** Takes the lease of a task, once it is certain that nobody else acts for it.
 *
 *  Given back drained, or never held: at once. The predecessor is known to be dead: at once, and then nothing is sent for
 *  the settle time. Otherwise: only after the lease has stood still for its whole length on this machine's monotonic
 *  clock, plus the time a request may take, plus the settle time; clocks of two machines are never compared.
 *  Fails with {@link FencedError} when this job is not the one to run the task (any more). See SPEC.md, "Takeover". */
export async function claimLease(options: ClaimOptions): Promise<Claimed> {
  const { clock, settings, signal, log, owner } = options;
  const backoff = new Backoff({ clock, capMs: 2_000 });
  /** The claim that was sent before; where its answer was lost, the item bears this job's name. */
  let sent: { readonly takenAt: number; readonly settleMs: number } | undefined;
  const watch = new LeaseWatch(options);
  let waiting = false;
  for (;;) {
    signal.throwIfAborted();
    try {
      const seen = await currentRun(options);
      const own = seen?.owner === owner ? sent : undefined;
      const settleMs = own === undefined ? await settleMsOf(options, seen, watch) : own.settleMs;
      if (settleMs !== undefined) {
        sent = own ?? { takenAt: clock.monotonic(), settleMs };
        const run = await options.store.acquireLease(
          {
            taskId: options.taskId,
            incarnation: options.incarnation,
            generation: options.generation,
            owner,
            leaseExpiresAt: isoTime(clock, settings.leaseMs),
          },
          seen,
        );
        return { run, takenAt: sent.takenAt, sendFrom: sent.takenAt + sent.settleMs };
      }
      if (!waiting) log.info({ holder: seen?.generation }, 'waiting for the lease of another job to run out');
      waiting = true;
      backoff.reset();
      await sleep(clock, 500, signal);
    } catch (error) {
      const again =
        error instanceof StoreUnavailableError || (error instanceof FencedError && error.why === 'moved-on');
      if (!again) throw error;
      log.warn({ err: error }, 'lease not taken yet; trying again');
      await backoff.wait(signal);
    }
  }
}

async function currentRun({ store, taskId, incarnation }: ClaimOptions): Promise<Run | undefined> {
  const run = await store.getRun(taskId);
  return run?.incarnation === incarnation ? run : undefined;
}

/** Undefined while the holder of the lease may still send. */
async function settleMsOf(
  { store, taskId, incarnation, generation }: ClaimOptions,
  seen: Run | undefined,
  watch: LeaseWatch,
): Promise<number | undefined> {
  const launch = await store.getLaunch(taskId);
  if (launch?.incarnation !== incarnation || launch.generation !== generation) {
    throw new FencedError('launch', `launch ${generation} is not the current one any more`);
  }
  return seen === undefined ? 0 : watch.settleMs(seen, launch.lastExit);
}
