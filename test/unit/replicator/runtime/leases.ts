import { createLogger } from '#shared/log.ts';
import type { Fence } from '#shared/store/task-store.ts';
import type { Run } from '#shared/task/run.ts';
import type { LastExit, Task } from '#shared/task/task.ts';
import { isoTime } from '../../../../replicator/runtime/clock.ts';
import { type Settings, settingsSchema } from '../../../../replicator/runtime/settings.ts';
import { MemoryTaskStore } from '../../../support/fakes/memory-task-store.ts';
import { SimClock } from '../../../support/fakes/sim-clock.ts';
import { sampleLaunch, sampleTask, sampleUpdate } from '../../../support/fakes/task-samples.ts';

export const SETTINGS: Settings = settingsSchema.parse({});
export const LOG = createLogger('silent');

/** A task in a store, with jobs that hold its lease and give it back. */
export class LeaseBench {
  readonly clock = new SimClock();
  readonly store = new MemoryTaskStore({ now: () => this.clock.wall() });
  readonly task: Task = sampleTask();
  generation = 0;
  #holder: Fence | undefined;

  /** Of the last {@link take}. */
  get holder(): Fence {
    if (this.#holder === undefined) throw new Error('nobody took the lease');
    return this.#holder;
  }

  static async make(): Promise<LeaseBench> {
    const bench = new LeaseBench();
    await bench.store.createTask(bench.task, { maxTasks: 1, seen: 0 });
    await bench.launch();
    return bench;
  }

  /** A new launch; `lastExit` is what is known of the end of the one before. */
  async launch(lastExit?: { readonly confirmed: boolean; readonly generation?: number }): Promise<void> {
    const before = this.generation++;
    const exit: LastExit | undefined = lastExit && {
      generation: before,
      code: null,
      at: isoTime(this.clock),
      message: '',
      ...lastExit,
    };
    const launch = sampleLaunch(this.task, {
      generation: this.generation,
      ...(exit === undefined ? {} : { lastExit: exit }),
    });
    await this.store.putLaunch(launch, before === 0 ? undefined : before);
  }

  /** Takes the lease for a job of the current launch, without asking anybody. */
  async take(owner: string): Promise<Fence> {
    const { id: taskId, incarnation } = this.task;
    const { epoch } = await this.store.acquireLease(
      {
        taskId,
        incarnation,
        generation: this.generation,
        owner,
        leaseExpiresAt: isoTime(this.clock, 10_000),
      },
      await this.store.getRun(taskId),
    );
    this.#holder = { taskId, incarnation, owner, epoch };
    return this.#holder;
  }

  async renew(fence: Fence): Promise<void> {
    await this.store.renewLease(fence, sampleUpdate());
  }

  async giveBack(fence: Fence, how: 'drained' | 'undrained'): Promise<void> {
    await this.store.releaseLease(fence, sampleUpdate(), how);
  }

  async run(): Promise<Run> {
    const run = await this.store.getRun(this.task.id);
    if (run === undefined) throw new Error('the task has no run');
    return run;
  }
}
