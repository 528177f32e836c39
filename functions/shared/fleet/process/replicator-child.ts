import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { REPLICATOR_ENV } from '../../names.ts';
import { NotPlacedError, type ReplicatorState, type StartOrder } from '../fleet.ts';
import { identify, toHandle } from './process-identity.ts';

export interface ChildProcessOptions {
  /** Program and arguments, for example `[process.execPath, 'replicator/main.ts']`. */
  readonly command: readonly [string, ...string[]];
  /** The whole environment of the child, but for the ids that are added to it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** @default this process's */
  readonly cwd?: string | undefined;
  /** Where a child's standard output and standard error go; ended with the child. */
  readonly output: (order: StartOrder) => Writable;
}

/** One replicator as a child process. Its standard input is a pipe that this process holds open and never writes to:
 *  when this process ends, however it ends, the child reads the end of it and must exit, so none is orphaned.
 *  It leads a process group of its own: a Ctrl-C at the terminal reaches the control plane only, which then drains. */
export class ReplicatorChild {
  readonly order: StartOrder;
  readonly handle: string;
  /** Fulfilled when the process has ended. */
  readonly exited: Promise<void>;
  /** Fulfilled when it has ended and what it had printed is written. */
  readonly closed: Promise<void>;
  readonly #process: ChildProcess;
  #state: ReplicatorState = { kind: 'running' };
  #killTimer: NodeJS.Timeout | undefined;

  private constructor(order: StartOrder, child: ChildProcess, pid: number, output: Writable) {
    this.order = order;
    this.#process = child;
    this.handle = toHandle(identify(pid));
    child.stdout?.pipe(output, { end: false });
    child.stderr?.pipe(output, { end: false });
    // Signals and writes that come too late are nobody's problem.
    child.on('error', () => {});
    child.stdin?.on('error', () => {});
    const exit = Promise.withResolvers<void>();
    const close = Promise.withResolvers<void>();
    this.exited = exit.promise;
    this.closed = close.promise;
    child.once('exit', (code, signal) => {
      clearTimeout(this.#killTimer);
      const message = signal === null ? `ended with code ${code}` : `ended by ${signal}`;
      this.#state = { kind: 'stopped', exitCode: code, message };
      exit.resolve();
    });
    child.once('close', () => output.end(() => close.resolve()));
  }

  /** Fails with {@link NotPlacedError}: when no process can be made (now), none was. */
  static async spawn(options: ChildProcessOptions, order: StartOrder): Promise<ReplicatorChild> {
    // First of all, so that nothing that can fail comes after the process is there.
    const output = options.output(order);
    try {
      const child = launch(options, order);
      await once(child, 'spawn');
      if (child.pid === undefined) throw new Error('a process was started and has no number');
      return new ReplicatorChild(order, child, child.pid, output);
    } catch (error) {
      output.destroy();
      const why = error instanceof Error ? error.message : String(error);
      throw new NotPlacedError(`no process can be started: ${why}`, { cause: error });
    }
  }

  get state(): ReplicatorState {
    return this.#state;
  }

  /** SIGTERM once, SIGKILL when it still runs after that many milliseconds. */
  drain(forcedExitMs: number): void {
    if (this.#state.kind !== 'running' || this.#killTimer !== undefined) return;
    this.#process.kill('SIGTERM');
    this.#killTimer = setTimeout(() => this.kill(), forcedExitMs);
  }

  kill(): void {
    if (this.#state.kind === 'running') this.#process.kill('SIGKILL');
  }
}

function launch(options: ChildProcessOptions, order: StartOrder): ChildProcess {
  const [program, ...args] = options.command;
  return spawn(program, args, {
    cwd: options.cwd,
    env: {
      ...options.env,
      [REPLICATOR_ENV.taskId]: order.taskId,
      [REPLICATOR_ENV.incarnation]: order.incarnation,
      [REPLICATOR_ENV.generation]: String(order.generation),
    },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
}
