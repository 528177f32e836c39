import { EXIT, type ReplicatorState } from '#shared/fleet/fleet.ts';
import { TIMING } from '#shared/names.ts';
import type { Run } from '#shared/task/run.ts';
import type { Launch, Task } from '#shared/task/task.ts';
import { notPlaced, placed } from '../../../../functions/reconcile/launches.ts';
import { type Action, reconcile, type Situation } from '../../../../functions/reconcile/reconcile.ts';
import { isUnhealthy, runOf, SECOND } from './decision-axes.ts';

/** What the world does with decisions. `cooperates`: starts work, jobs stream, and who is asked to stop does. `is stubborn`:
 *  nobody stops when asked, and a kill takes two minutes, as on ECS. `has no room`: three starts are refused. `forgets`:
 *  the fleet knows nothing of what has ended, and the answer of every start is lost. `crashes`: what is started ends at once. */
export type Habit = 'cooperates' | 'is stubborn' | 'has no room' | 'forgets' | 'crashes';

export interface Outcome {
  /** `keeps trying`: a task on trial is not parked, but started less and less often. */
  readonly end: 'streams' | 'rests' | 'parked' | 'purged' | 'keeps trying' | 'goes on for ever';
  /** The most replicators of the task that were alive at once. */
  readonly mostAlive: number;
  /** That had to pass. */
  readonly minutes: number;
  /** Of the last launch. */
  readonly release: string | undefined;
}

interface Replicator {
  readonly generation: number;
  state: 'alive' | 'hangs' | 'ended';
  exitCode: number | null;
  /** Milliseconds since 1970 at which it ends by itself. */
  endsAt: number | undefined;
  streamsSince: number | undefined;
  readonly forgotten: boolean;
  readonly unhealthy: boolean;
}

/** What is not over by then is tried too often. */
const MAX_STEPS = 120;
const TRYING_MS = 2 * 3_600_000;
const SWEEP_MS = 60_000;
const LEASE_MS = TIMING.leaseSeconds * 1_000;
const REFUSALS = 3;

/** Follows the decisions from one situation on, in a world with that habit, until nothing is left to decide. */
export function outcomeOf(situation: Situation, habit: Habit): Outcome {
  return new Story(situation, habit).tell();
}

class Story {
  readonly #habit: Habit;
  readonly #begun: number;
  readonly #release: string | undefined;
  readonly #move: Situation['move'];
  readonly #replicators = new Map<string, Replicator>();
  #task: Task;
  #launch: Launch | undefined;
  #run: Run | undefined;
  #now: number;
  #answers: boolean;
  #refusals = REFUSALS;
  #mostAlive = 0;

  constructor({ task, launch, run, observed, release, move, now }: Situation, habit: Habit) {
    this.#habit = habit;
    this.#task = task;
    this.#launch = launch;
    this.#run = run;
    this.#release = release;
    this.#move = move;
    this.#begun = now;
    this.#now = now;
    this.#answers = observed !== undefined;
    // Without a handle nobody can ask the fleet.
    this.#meet(launch?.handle === undefined ? undefined : observed);
  }

  tell(): Outcome {
    for (let step = 0; step < MAX_STEPS; step++) {
      this.#live();
      const alive = [...this.#replicators.values()].filter(({ state }) => state !== 'ended').length;
      this.#mostAlive = Math.max(this.#mostAlive, alive);
      const actions = reconcile(this.#situation());
      this.#answers = true;
      const end = actions.length === 0 ? this.#rest(alive) : this.#follow(actions);
      if (end !== undefined) return this.#outcome(end);
      const onTrial = this.#launch?.onTrialSince !== undefined;
      if (onTrial && this.#now - this.#begun > TRYING_MS) return this.#outcome('keeps trying');
    }
    return this.#outcome('goes on for ever');
  }

  /** The replicator of the launch at the beginning, as far as it can be told from what is known of it. */
  #meet(observed: ReplicatorState | undefined): void {
    const [launch, run] = [this.#launch, this.#run];
    if (launch?.incarnation !== this.#task.incarnation || launch.pendingReason !== undefined) return;
    if (launch.lastExit?.generation === launch.generation) return;
    const its =
      run?.incarnation === this.#task.incarnation && run.generation === launch.generation ? run : undefined;
    const leased = its?.released === 'no' && Date.parse(its.leaseExpiresAt) > this.#now;
    // A start without an answer has happened if the job has its lease.
    if (launch.handle === undefined && !leased) return;
    const missing = observed?.kind === 'missing';
    const unhealthy = isUnhealthy(observed);
    const hangs = unhealthy || (its?.released === 'no' && !leased);
    // What gave its lease back or drains ends by itself; what the fleet does not know dies with its lease.
    const ends = its !== undefined && (its.released !== 'no' || its.phase === 'stopping');
    const ended = observed?.kind === 'stopped' || (missing && !leased);
    const ownCode = its?.phase === 'failed' ? EXIT.permanent : EXIT.stopped;
    this.#replicators.set(launch.handle ?? `h${launch.generation}`, {
      generation: launch.generation,
      state: ended ? 'ended' : hangs ? 'hangs' : 'alive',
      exitCode: observed?.kind === 'stopped' ? observed.exitCode : ends ? ownCode : null,
      endsAt: missing ? Date.parse(its?.leaseExpiresAt ?? '') : ends ? this.#now + SECOND : undefined,
      streamsSince: its?.phase === 'streaming' ? Date.parse(its.phaseSince) : undefined,
      forgotten: missing,
      unhealthy,
    });
  }

  /** What replicators do by themselves until now. */
  #live(): void {
    for (const replicator of this.#replicators.values()) {
      if (replicator.state === 'ended') continue;
      if (replicator.endsAt !== undefined && this.#now >= replicator.endsAt) {
        replicator.state = 'ended';
      } else if (replicator.state === 'alive' && replicator.endsAt === undefined) {
        this.#renew(replicator);
      }
    }
  }

  #renew(replicator: Replicator): void {
    if (replicator.generation !== this.#launch?.generation || this.#task.deletedAt !== undefined) return;
    replicator.streamsSince ??= this.#now;
    this.#run = runOf({
      generation: replicator.generation,
      phase: 'streaming',
      phaseSince: new Date(replicator.streamsSince).toISOString(),
      leaseExpiresAt: new Date(this.#now + LEASE_MS).toISOString(),
    });
  }

  #situation(): Situation {
    const handle = this.#launch?.incarnation === this.#task.incarnation ? this.#launch.handle : undefined;
    return {
      task: this.#task,
      launch: this.#launch,
      run: this.#run,
      observed: handle === undefined || !this.#answers ? undefined : this.#describe(handle),
      release: this.#release,
      move: this.#move,
      now: this.#now,
    };
  }

  #describe(handle: string): ReplicatorState {
    const replicator = this.#replicators.get(handle);
    if (replicator === undefined || replicator.forgotten) return { kind: 'missing' };
    if (replicator.state !== 'ended') {
      return { kind: 'running', ...(replicator.unhealthy ? { healthy: false } : {}) };
    }
    if (this.#habit === 'forgets') return { kind: 'missing' };
    return { kind: 'stopped', exitCode: replicator.exitCode, message: 'm' };
  }

  /** Nothing to decide: the end of the story, unless time alone changes something. */
  #rest(alive: number): Outcome['end'] | undefined {
    const running = this.#task.desired === 'Running';
    if (!running && alive === 0) return 'rests';
    if (running && alive === 1 && this.#launch?.attempts === 0) return 'streams';
    this.#now += SWEEP_MS;
    return undefined;
  }

  #follow(actions: readonly Action[]): Outcome['end'] | undefined {
    for (const action of actions) {
      switch (action.kind) {
        case 'start':
        case 'find':
          this.#start(action.launch);
          break;
        case 'stop':
          if (action.launch !== undefined) this.#launch = action.launch;
          if (this.#habit !== 'is stubborn') this.#end(action.handle, EXIT.stopped, 5_000);
          break;
        case 'kill':
          this.#end(action.handle, null, this.#habit === 'is stubborn' ? 120_000 : 0);
          break;
        case 'record-exit':
        case 'record-streaming':
          this.#launch = action.launch;
          break;
        case 'park':
          return 'parked';
        case 'purge':
          return 'purged';
        case 'wait':
          this.#now = action.until;
          break;
      }
    }
    // A kill says nothing about when to look again: the next sweep does.
    if (actions[0]?.kind === 'kill') this.#now += SWEEP_MS;
    return undefined;
  }

  #start(launch: Launch): void {
    const handle = `h${launch.generation}`;
    const known = this.#replicators.get(handle);
    this.#launch = launch;
    if (known === undefined && this.#habit === 'has no room' && this.#refusals-- > 0) {
      this.#launch = notPlaced(launch, 'no room', this.#now);
      return;
    }
    if (known === undefined) {
      const crashes = this.#habit === 'crashes';
      this.#replicators.set(handle, {
        generation: launch.generation,
        state: crashes ? 'ended' : 'alive',
        exitCode: crashes ? 1 : null,
        endsAt: undefined,
        streamsSince: undefined,
        forgotten: false,
        unhealthy: false,
      });
    }
    const answered = this.#habit !== 'forgets' || known !== undefined;
    if (answered) this.#launch = placed(launch, handle);
  }

  #end(handle: string, exitCode: number | null, afterMs: number): void {
    const replicator = this.#replicators.get(handle);
    if (
      replicator === undefined ||
      replicator.state === 'ended' ||
      (replicator.state === 'hangs' && exitCode !== null)
    )
      return;
    replicator.endsAt ??= this.#now + afterMs;
    replicator.exitCode = exitCode;
  }

  #outcome(end: Outcome['end']): Outcome {
    return {
      end,
      mostAlive: this.#mostAlive,
      minutes: Math.round((this.#now - this.#begun) / 60_000),
      release: this.#launch?.release,
    };
  }
}
