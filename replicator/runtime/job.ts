import { CdcError, type Code } from '#shared/errors.ts';
import { EXIT } from '#shared/fleet/fleet.ts';
import type { Logger } from '#shared/log.ts';
import { type Fence, FencedError, type TaskStore } from '#shared/store/task-store.ts';
import { isIdle } from '#shared/task/lag.ts';
import { type ChannelPosition, packPositions, unpackPositions } from '#shared/task/positions.ts';
import type { RunUpdate } from '#shared/task/run.ts';
import type { Task } from '#shared/task/task.ts';
import type { ChangeSource } from '../source/change-source.ts';
import type { Target } from '../target/target.ts';
import { Advance } from './advance.ts';
import { CatalogFollower } from './catalog-follower.ts';
import { type Clock, isoTime, sleep } from './clock.ts';
import { type Claimed, claimLease } from './lease-claim.ts';
import { type Account, LeaseKeeper } from './lease-keeper.ts';
import { MetricsReporter, type MetricsSink } from './metrics-reporter.ts';
import { OwnScope } from './own-scope.ts';
import { Registry } from './registry.ts';
import { Sender } from './sender.ts';
import type { Settings } from './settings.ts';
import { JobStatus } from './status.ts';
import { Wake } from './wake.ts';

export interface JobOptions {
  readonly taskId: string;
  readonly incarnation: string;
  readonly generation: number;
  /** Random, new for each job. */
  readonly owner: string;
  readonly store: TaskStore;
  readonly source: ChangeSource;
  /** Opened once the lease is held. */
  readonly openTarget: (task: Task) => Promise<Target>;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly log: Logger;
  /** Told of the lease once it is held. */
  readonly onLease?: ((lease: Pick<LeaseKeeper, 'remainingMs'>) => void) | undefined;
  /** Where the job's metrics go; none are made without it. */
  readonly metrics?: MetricsSink | undefined;
  /** Milliseconds to finish what is in flight once the job is asked to stop. */
  readonly drainMs: number;
}

/** How a job ended: an exit code of {@link EXIT}, and why. */
export interface JobEnd {
  readonly exitCode: number;
  readonly code: Code | undefined;
  readonly message: string;
}

/** Failures that do not get better by themselves. */
const PERMANENT: ReadonlySet<Code> = new Set<Code>([
  'history_lost',
  'source_unsupported',
  'unknown_message',
  'config_invalid',
]);

/** One attempt of a replicator at a task: takes the lease, follows the source, and gives the lease back.
 *  Nothing is remembered from an earlier attempt but what is in the store. Never throws: it answers how it ended. */
export class Job {
  readonly #options: JobOptions;
  readonly #abort = new AbortController();
  /** Aborts when the task has another part of its target than this job goes by. */
  readonly #rescoped = new AbortController();
  readonly #ownShort = new Wake();
  #error: unknown;

  constructor(options: JobOptions) {
    this.#options = options;
  }

  /** Runs until `stop` aborts (then it drains and gives the lease back) or until it fails. */
  async run(stop: AbortSignal): Promise<JobEnd> {
    const { log } = this.#options;
    try {
      const task = await this.#task();
      const claimed = await claimLease({ ...this.#options, signal: stop });
      return await this.#follow(task, claimed, AbortSignal.any([stop, this.#rescoped.signal]));
    } catch (error) {
      if (stop.aborted) return { exitCode: EXIT.stopped, code: undefined, message: 'asked to stop' };
      if (error instanceof FencedError)
        return { exitCode: EXIT.stopped, code: 'lease_lost', message: error.message };
      log.error({ err: error }, 'job failed before it began');
      return endOf(error);
    }
  }

  async #task(): Promise<Task> {
    const { store, taskId, incarnation } = this.#options;
    const task = await store.getTask(taskId);
    if (task?.incarnation !== incarnation) throw new FencedError('task', `task ${taskId} is gone`);
    return task;
  }

  async #follow(task: Task, claimed: Claimed, stop: AbortSignal): Promise<JobEnd> {
    const { store, source, clock, settings, log, openTarget, incarnation, taskId, owner } = this.#options;
    const { metrics } = this.#options;
    const { signal } = this.#abort;
    const fence: Fence = { taskId, incarnation, owner, epoch: claimed.run.epoch };
    const status = new JobStatus(clock, claimed.run);
    const advance = new Advance(clock, claimed.run);
    const onError = (error: unknown) => this.#fail(error);
    const scope = await OwnScope.read({ store, task, clock, settings, log });
    const objects = await scope.objects(fence, unpackPositions(claimed.run.channels));
    const databases = await store.listDatabases(task);
    const target = await openTarget(task);
    let registry: Registry | undefined;
    let lastRequests = status.counters.requests;
    const tell = (positions: readonly ChannelPosition[]) =>
      updateOf({ status, advance, positions, registry });
    const positionsNow = () => registry?.channels.positions() ?? unpackPositions(claimed.run.channels);
    const account = (): Account => {
      let positions: readonly ChannelPosition[] = [];
      if (registry?.following && status.phase !== 'stopping') status.phase = 'streaming';
      const requests = status.counters.requests;
      return {
        update: () => {
          positions = positionsNow();
          // What a predecessor sent by an older scope may be executed until then, and others wait for this one to have
          // taken over what they left.
          const goesBy = clock.monotonic() >= claimed.sendFrom && registry?.begun === true;
          return { ...tell(positions), scopeRevision: goesBy ? scope.revision : undefined };
        },
        urgent: requests !== lastRequests || (registry?.channels.short ?? false),
        written: () => {
          lastRequests = requests;
          registry?.channels.written(positions);
        },
      };
    };
    const lease = new LeaseKeeper({ store, fence, clock, settings, log, takenAt: claimed.takenAt, account });
    this.#options.onLease?.(lease);
    const common = { clock, settings, status, log, signal, lease, source, target };
    const sender = new Sender({ ...common, notBefore: claimed.sendFrom, onError });
    const follower = new CatalogFollower({ source, registry: () => made, clock, status, log });
    const made = new Registry({
      ...common,
      task: { ...task, scope: scope.scope },
      excluded: task.scope.exclude,
      objects,
      databases,
      positions: unpackPositions(claimed.run.channels),
      sender,
      recordOptions: { store, fence, clock, signal },
      permit: async (inner) => {
        const wait = claimed.sendFrom - clock.monotonic();
        if (wait > 0) await sleep(clock, wait, inner);
        await lease.room(settings.requestDeadlineMs, inner);
      },
      refresh: () => follower.refresh(),
      onOwnShort: () => this.#ownShort.notify(),
      onError,
    });
    registry = made;
    const reporter =
      metrics &&
      new MetricsReporter({
        ...{ sink: metrics, taskId, createdAt: task.createdAt, clock, log, status },
        account: () => tell(positionsNow()),
      });
    const work = [
      lease.run(signal),
      scope.taken(status, signal).then((estate) => {
        made.estate = estate;
        return follower.run(signal);
      }),
      scope.changed(signal).then(() => this.#rescoped.abort()),
      this.#flushOwn(made, lease),
    ];
    if (reporter !== undefined) work.push(reporter.run(signal));
    for (const part of work) part.catch(onError);
    await new Promise<void>((resolve) => {
      if (stop.aborted || signal.aborted) resolve();
      stop.addEventListener('abort', () => resolve(), { once: true });
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    try {
      return await this.#end({
        ...{ status, advance, sender, fence, registry: made, lease, sendFrom: claimed.sendFrom },
      });
    } finally {
      this.#abort.abort();
      reporter?.report();
      await target.close();
    }
  }

  /** Cursors of single collections are written beside the lease, each with its own item. */
  async #flushOwn(registry: Registry, lease: LeaseKeeper): Promise<void> {
    const { clock, settings } = this.#options;
    const { signal } = this.#abort;
    let last = clock.monotonic();
    while (!signal.aborted) {
      await this.#ownShort.wait(signal, { clock, ms: settings.checkpointMs }).catch(() => undefined);
      const due = clock.monotonic() - last >= settings.checkpointMs;
      if (due) last = clock.monotonic();
      if (!signal.aborted && lease.remainingMs > 0) await registry.channels.flushOwn(!due);
    }
  }

  #fail(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    this.#error = error;
    this.#abort.abort();
  }

  async #end(parts: {
    readonly status: JobStatus;
    readonly advance: Advance;
    readonly sender: Sender;
    readonly fence: Fence;
    readonly registry: Registry;
    readonly lease: LeaseKeeper;
    readonly sendFrom: number;
  }): Promise<JobEnd> {
    const { status, advance, sender, fence, registry, lease, sendFrom } = parts;
    const { clock, drainMs, log, store } = this.#options;
    const failed = this.#abort.signal.aborted;
    const message = this.#rescoped.signal.aborted
      ? 'what it leaves to other tasks has changed; it goes on with that'
      : 'asked to stop';
    const end: JobEnd = failed ? endOf(this.#error) : { exitCode: EXIT.stopped, code: undefined, message };
    if (failed) log.error({ err: this.#error, code: end.code }, 'job failed');
    if (end.code !== undefined) status.note(end.code, end.message);
    status.phase = 'stopping';
    sender.close();
    const until = clock.monotonic() + Math.min(drainMs, Math.max(0, lease.remainingMs));
    let objectsIdle = false;
    void registry.stopActors().then(() => {
      objectsIdle = true;
    });
    while (
      !failed &&
      !(sender.drained && objectsIdle) &&
      clock.monotonic() < until &&
      !this.#abort.signal.aborted
    ) {
      await sleep(clock, 20, this.#abort.signal).catch(() => undefined);
    }
    // What a predecessor sent may still be executed: then the next job has to wait for it in this one's place.
    const settled = clock.monotonic() >= sendFrom;
    const drained = sender.drained && objectsIdle && settled;
    if (!failed)
      await registry.channels
        .flushOwn(false)
        .catch((error: unknown) => log.warn({ err: error }, 'own cursors not written'));
    this.#abort.abort();
    if (end.code === 'lease_lost') return end;
    if (end.exitCode === EXIT.permanent && end.code !== undefined) status.failed(end.code, end.message);
    else status.phase = 'stopped';
    try {
      const update = {
        ...updateOf({ status, advance, positions: registry.channels.positions(), registry }),
        leaseExpiresAt: isoTime(clock),
      };
      await store.releaseLease(fence, update, drained ? 'drained' : 'undrained');
    } catch (error) {
      log.warn({ err: error }, 'lease not given back; it runs out by itself');
    }
    return end;
  }
}

function updateOf(parts: {
  readonly status: JobStatus;
  readonly advance: Advance;
  readonly positions: readonly ChannelPosition[];
  readonly registry: Registry | undefined;
}): Omit<RunUpdate, 'leaseExpiresAt'> {
  const { status, advance, positions, registry } = parts;
  const { phase, phaseSince, reason, counters, warnings, lastError } = status;
  const channels = packPositions(positions);
  const watermark = registry?.watermark?.toString();
  advance.note(registry?.watermark, isIdle({ phase, channels, watermark }));
  return {
    phase,
    phaseSince,
    reason,
    channels,
    watermark,
    advancedAt: advance.at,
    quarantined: registry?.quarantined || undefined,
    counters: { ...counters },
    warnings,
    lastError,
  };
}

function endOf(error: unknown): JobEnd {
  const code: Code = error instanceof CdcError ? error.code : 'internal';
  const message = error instanceof Error ? error.message : String(error);
  return { exitCode: PERMANENT.has(code) ? EXIT.permanent : EXIT.retry, code, message };
}
