import type { Run } from '#shared/task/run.ts';
import type { Launch, Task } from '#shared/task/task.ts';
import type { Situation } from '../../../../functions/reconcile/reconcile.ts';
import { sampleClaim, sampleLaunch, sampleTask, sampleUpdate } from '../../../support/fakes/task-samples.ts';

export const NOW = Date.parse('2030-06-01T00:00:00Z');
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** That long before now, as ISO 8601. */
export const ago = (ms: number): string => new Date(NOW - ms).toISOString();

export interface Told {
  readonly task?: Partial<Task> | undefined;
  readonly launch?: Partial<Launch> | null | undefined;
  readonly run?: Partial<Run> | null | undefined;
}

/** A task that has been streaming for a day, but for what is told. */
export function situation({ task: aboutTask, launch, run }: Told = {}): Situation {
  const task = sampleTask({ createdAt: ago(24 * HOUR), ...aboutTask });
  const launched = {
    launchedAt: ago(24 * HOUR),
    wantedSince: ago(24 * HOUR),
    handle: 'h',
    attempts: 0,
    revision: 0,
  };
  return {
    task,
    launch: launch === null ? undefined : sampleLaunch(task, { ...launched, ...launch }),
    run:
      run === null
        ? undefined
        : {
            version: 1,
            ...sampleClaim(task),
            ...sampleUpdate({ phaseSince: ago(23 * HOUR), advancedAt: ago(1_000), quarantined: undefined }),
            watermark: String(BigInt(NOW - 2_000) << 18n),
            epoch: 1,
            beat: 5,
            released: 'no',
            leaseExpiresAt: new Date(NOW + 10_000).toISOString(),
            ...run,
          },
    observed: { kind: 'running' },
    now: NOW,
  };
}
