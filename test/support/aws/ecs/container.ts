import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { signalGroup, spawnOwned } from '../../stack/owned-process.ts';
import type { RunFolder } from '../../stack/run-folder.ts';

export interface ContainerSpec {
  readonly name: string;
  readonly run: RunFolder;
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly stopTimeoutSeconds: number;
}

/** A container as a process: nothing of our own environment, no standard input, SIGTERM and then SIGKILL to stop it. */
export class ContainerProcess {
  readonly logFile: string;
  /** As Docker tells it: the code, or 128 and the signal's number. */
  readonly exitCode: Promise<number>;
  readonly #child: ChildProcess;
  readonly #spec: ContainerSpec;
  #killTimer: NodeJS.Timeout | undefined;

  constructor(spec: ContainerSpec) {
    this.#spec = spec;
    this.logFile = join(spec.run.path, `${spec.name}.log`);
    const log = openSync(this.logFile, 'a');
    this.#child = spawnClean(spec, spec.name, spec.command, log);
    closeSync(log);
    this.exitCode = ended(this.#child).finally(() => clearTimeout(this.#killTimer));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Asks its first process, and ends the whole container when it does not end in time. */
  stop(): void {
    if (this.#killTimer !== undefined) return;
    this.#child.kill('SIGTERM');
    this.#killTimer = setTimeout(() => this.kill(), this.#spec.stopTimeoutSeconds * 1_000);
  }

  kill(): void {
    signalGroup(this.#child, 'SIGKILL');
  }

  /** Runs a command in it, as a health check does; true when it ends with 0 in time. */
  async check(command: readonly [string, ...string[]], timeoutMs: number): Promise<boolean> {
    const child = spawnClean(this.#spec, `${this.#spec.name}-health`, command, 'pipe');
    child.stdout?.resume();
    child.stderr?.resume();
    const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), timeoutMs);
    const code = await ended(child);
    clearTimeout(timer);
    return code === 0;
  }
}

function spawnClean(
  { run, cwd, env }: ContainerSpec,
  name: string,
  command: readonly string[],
  output: number | 'pipe',
): ChildProcess {
  const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  const args = ['-i', ...variables, ...command];
  return spawnOwned({ name, run, command: '/usr/bin/env', args, cwd, output });
}

const SIGNALS: Readonly<Record<string, number>> = { SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 };

async function ended(child: ChildProcess): Promise<number> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  return code ?? 128 + (SIGNALS[signal ?? ''] ?? 1);
}
