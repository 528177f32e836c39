import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
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

/** What a test may do to a server. Every method that changes its state waits, bounded, until that has happened. */
export interface ServerHandle {
  readonly name: string;
  readonly logFile: string;
  /** The server's process (and process group) id; undefined while it does not run. */
  readonly pid: number | undefined;
  /** Sends the signal and waits for the end of the process; data and ports stay. @default SIGKILL */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again, after {@link kill}, with the same data and ports, and waits until it serves. */
  start(): Promise<void>;
  /** {@link kill}, then {@link start}. @default SIGTERM, as an operator would */
  restart(signal?: NodeJS.Signals): Promise<void>;
  /** Freezes it (SIGSTOP): connections stay open and nothing answers. */
  suspend(): void;
  resume(): void;
  /** Kills it and removes its data. */
  stop(): Promise<void>;
}

const EXIT_TIMEOUT_MS = 30_000;

/** The shell waits for a line before it becomes the server, so that no server can run whose pid file is not written yet. */
const GATE = 'read -r _ && exec "$@" </dev/null';

/** One server as a child process of ours, in its own process group. See {@link RunFolder} for what ends it when we die. */
export class ServerProcess implements ServerHandle {
  readonly name: string;
  readonly folder: string;
  readonly logFile: string;
  readonly #spec: ServerSpec;
  #child: ChildProcess | undefined;

  constructor(spec: ServerSpec) {
    this.#spec = spec;
    this.name = spec.name;
    this.folder = serverFolder(spec);
    this.logFile = join(this.folder, `${spec.name}.log`);
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
      await this.kill('SIGKILL');
      const message = `${this.name} did not start: ${(error as Error).message}\nThe end of its log:\n${this.logTail()}`;
      throw new Error(message, { cause: error });
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#signal(signal);
    if (signal !== 'SIGKILL') this.#signal('SIGCONT');
    const gone = async () => this.#child === undefined;
    await waitUntil(gone, {
      what: `${this.name} ends on ${signal}`,
      timeoutMs: EXIT_TIMEOUT_MS,
      everyMs: 20,
    });
  }

  async restart(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.kill(signal);
    await this.start();
  }

  suspend(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.kill('SIGKILL');
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  /** The last lines of the log, for error messages. */
  logTail(lines = 40): string {
    if (!existsSync(this.logFile)) return '(no log)';
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }

  #spawn(): void {
    const { command, args, env } = this.#spec;
    const log = openSync(this.logFile, 'a');
    const child = spawn('/bin/sh', ['-c', GATE, this.name, command, ...args], {
      cwd: this.folder,
      detached: true,
      env: { ...process.env, ...env },
      stdio: ['pipe', log, log],
    });
    closeSync(log);
    child.stdin?.on('error', () => {});
    child.once('exit', () => {
      rmSync(this.#pidFile, { force: true });
      if (this.#child === child) this.#child = undefined;
    });
    child.unref();
    this.#child = child;
    writeFileSync(this.#pidFile, String(child.pid));
    child.stdin?.end('go\n');
  }

  get #pidFile(): string {
    return join(this.#spec.run.pids, this.name);
  }

  #signal(signal: NodeJS.Signals): void {
    const pid = this.pid;
    if (pid === undefined) throw new Error(`${this.name} does not run`);
    process.kill(-pid, signal);
  }

  async #probe(): Promise<boolean> {
    if (this.#child === undefined) throw new StopWaiting(`${this.name} ended`);
    return this.#spec.ready();
  }
}

/** The server's own sub-folder of the run folder, made if need be. */
export function serverFolder({ run, name }: Pick<ServerSpec, 'run' | 'name'>): string {
  const folder = join(run.path, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}
