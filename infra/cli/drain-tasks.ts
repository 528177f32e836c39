import type { Clock } from '../../functions/cdc/deps.ts';
import { mapConcurrently } from '../../functions/cdc/map-concurrently.ts';
import { listAnswer, type TaskAnswer } from './answers.ts';
import type { CdcApi } from './api.ts';
import { RefusedError, UnavailableError } from './failures.ts';

export interface DrainOptions {
  readonly api: CdcApi;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly progress: (text: string) => void;
}

export interface Drained {
  /** Tasks that were running and that this drain paused. */
  readonly paused: readonly string[];
  /** Tasks that still write, or may: the time was over. */
  readonly left: readonly string[];
  /** False: the API does not show what really happens, so that nobody saw the replicators end. */
  readonly seen: boolean;
}

/** A pause is answered when its replicator has stopped; the API is not asked for too many at once. */
const AT_ONCE = 4;
const FIRST_LOOK_MS = 1_000;
const LONGEST_LOOK_MS = 15_000;

/** Pauses every task and waits until no replicator writes any more, or until the time is over. Tasks that are created
 *  meanwhile are paused too. Goes on when the API is away for a while. */
export async function drainTasks({ api, clock, timeoutMs, progress }: DrainOptions): Promise<Drained> {
  const end = clock.monotonic() + timeoutMs;
  const paused = new Set<string>();
  let left: readonly TaskAnswer[] | undefined;
  for (let pause = FIRST_LOOK_MS; ; pause = Math.min(2 * pause, LONGEST_LOOK_MS)) {
    try {
      const tasks = listAnswer.parse((await api.call('list')).data).tasks;
      left = tasks.filter(mayWrite);
      if (left.length === 0) {
        return { paused: [...paused], left: [], seen: tasks.every(({ status }) => status !== undefined) };
      }
      const running = left.filter(({ state }) => state !== 'Paused');
      progress(`${running.length} to pause, ${left.length - running.length} stopping\n`);
      if (running.length > 0) pause = FIRST_LOOK_MS;
      await mapConcurrently(running, AT_ONCE, async ({ task_id }) => {
        if (await pauseTask(api, task_id, progress)) paused.add(task_id);
      });
    } catch (error) {
      if (!mayPass(error) || clock.monotonic() >= end) throw error;
      progress(`${error.message}\n`);
    }
    const remaining = end - clock.monotonic();
    if (remaining <= 0) {
      return { paused: [...paused], left: (left ?? []).map(({ task_id }) => task_id), seen: true };
    }
    await clock.sleep(Math.min(pause, remaining));
  }
}

/** The gateway, or the store behind the API, is away; missing rights do not come by themselves. */
function mayPass(error: unknown): error is Error {
  return error instanceof RefusedError || (error instanceof UnavailableError && error.passing);
}

function mayWrite({ state, status }: TaskAnswer): boolean {
  if (state !== 'Paused') return true;
  return status !== undefined && status.phase !== 'stopped' && status.phase !== 'failed';
}

/** False when somebody else was faster, or it was refused: the next look tells. */
async function pauseTask(api: CdcApi, task_id: string, progress: DrainOptions['progress']): Promise<boolean> {
  try {
    await api.call('pause', { task_id });
    progress(`${task_id} is paused\n`);
    return true;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    progress(`${error.message}\n`);
    return false;
  }
}
