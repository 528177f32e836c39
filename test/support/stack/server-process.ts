import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { signalGroup, spawnOwned } from './owned-process.ts';
import type { RunFolder } from './run-folder.ts';
import { StopWaiting, waitUntil } from './wait-until.ts';

export interface ServerSpec {
  /** Unique within the run folder; names its sub-folder, log and pid file. */
  readonly name: string;
  readonly run: RunFolder;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** One look at whether the server serves; throwing means "not yet". */
  readonly ready: () => Promise<boolean>;
  readonly readyTimeoutMs: number;
}

/** What a test may do to a server. Each method waits, bounded, until what it asks for has happened. */
export interface ServerHandle {
  readonly name: string;
  readonly logFile: string;
  /** Process (and process group) id; undefined while the server does not run. */
  readonly pid: number | undefined;
  /** Ends the server; data and ports stay. As `docker stop` does, a gentler signal is followed by SIGKILL after 10 s.
   *  @default SIGKILL */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again after {@link kill}, with the same data and ports, and waits until it serves. */
  start(): Promise<void>;
  /** {@link kill}, then {@link start}. @default SIGKILL */
  restart(signal?: NodeJS.Signals): Promise<void>;
  /** Freezes it (SIGSTOP): connections stay open and nothing answers. A Milvus that is frozen for longer than its
   *  sessions last (SESSION_TTL_SECONDS) does not recover and has to be restarted. */
  suspend(): void;
  resume(): void;
  /** Kills it and removes its data. */
  stop(): Promise<void>;
}

const GRACE_MS = 10_000;
const EXIT_TIMEOUT_MS = 30_000;
const EXCERPT_LINES = 40;

/** One server as a child process of ours. What ends it when we die: {@link RunFolder}. */
export class ServerProcess implements ServerHandle {
  readonly name: string;
  readonly logFile: string;
  readonly #spec: ServerSpec;
  readonly #folder: string;
  #child: ChildProcess | undefined;

  constructor(spec: ServerSpec) {
    this.#spec = spec;
    this.name = spec.name;
    this.#folder = serverFolder(spec);
    this.logFile = join(this.#folder, `${spec.name}.log`);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    if (this.#child !== undefined) throw new Error(`${this.name} runs already`);
    this.#spawn();
    try {
      await waitUntil(() => this.#probe(), {
        what: `${this.name} serves`,
        timeoutMs: this.#spec.readyTimeoutMs,
      });
    } catch (error) {
      await this.kill();
      const message = `${this.name} did not start: ${(error as Error).message}\nFrom its log:\n${this.#logExcerpt()}`;
      throw new Error(message, { cause: error });
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const isGone = async () => this.#child !== child;
    if (signal !== 'SIGKILL') {
      // A frozen process acts on no signal but SIGKILL.
      signalGroup(child, 'SIGCONT');
      signalGroup(child, signal);
      const gently = waitUntil(isGone, {
        what: `${this.name} ends on ${signal}`,
        timeoutMs: GRACE_MS,
        everyMs: 20,
      });
      if (
        await gently.then(
          () => true,
          () => false,
        )
      )
        return;
    }
    signalGroup(child, 'SIGKILL');
    await waitUntil(isGone, { what: `${this.name} ends`, timeoutMs: EXIT_TIMEOUT_MS, everyMs: 10 });
  }

  async restart(signal?: NodeJS.Signals): Promise<void> {
    await this.kill(signal);
    await this.start();
  }

  suspend(): void {
    signalGroup(this.#running, 'SIGSTOP');
  }

  resume(): void {
    signalGroup(this.#running, 'SIGCONT');
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 3 });
  }

  get #running(): ChildProcess {
    if (this.#child === undefined) throw new Error(`${this.name} does not run`);
    return this.#child;
  }

  #spawn(): void {
    const { name, run, command, args, env } = this.#spec;
    const log = openSync(this.logFile, 'a');
    const child = spawnOwned({ name, run, command, args, cwd: this.#folder, env, output: log });
    closeSync(log);
    child.once('exit', () => {
      this.#child = undefined;
    });
    this.#child = child;
  }

  async #probe(): Promise<boolean> {
    if (this.#child === undefined) throw new StopWaiting(`${this.name} ended`);
    return this.#spec.ready();
  }

  /** The end of the log, or what a Go program said before it dumped all its goroutines. */
  #logExcerpt(): string {
    if (!existsSync(this.logFile)) return '(no log)';
    const lines = readFileSync(this.logFile, 'utf8').trimEnd().split('\n');
    const crash = lines.findLastIndex((line) => /^(panic|fatal error): /.test(line));
    const from = crash < 0 ? Math.max(0, lines.length - EXCERPT_LINES) : Math.max(0, crash - 5);
    return lines.slice(from, from + EXCERPT_LINES).join('\n');
  }
}

/** The server's own sub-folder of the run folder, made if need be. */
export function serverFolder({ run, name }: Pick<ServerSpec, 'run' | 'name'>): string {
  const folder = join(run.path, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}
