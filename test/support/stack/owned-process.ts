import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunFolder } from './run-folder.ts';

export interface OwnedProcessSpec {
  /** Unique among the processes that run in the folder at the same time. */
  readonly name: string;
  readonly run: RunFolder;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Added to our own environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Standard output and error. Standard input is empty. */
  readonly output: 'pipe' | number;
}

/** The shell waits for a line before it becomes the program, so that none ever runs whose pid file is not written yet. */
const GATE = 'read -r _ && exec "$@" </dev/null';

/** Starts a program in a process group of its own that ends when we do, see {@link RunFolder}. It does not keep our own
 *  process alive. */
export function spawnOwned(spec: OwnedProcessSpec): ChildProcess {
  const { name, run, command, args, cwd, env, output } = spec;
  const stdio: StdioOptions = ['pipe', output, output];
  const child = spawn('/bin/sh', ['-c', GATE, name, command, ...args], {
    cwd,
    detached: true,
    env: { ...process.env, ...env },
    stdio,
  });
  child.unref();
  if (child.pid === undefined) return child;
  const pidFile = join(run.pids, name);
  writeFileSync(pidFile, String(child.pid));
  child.once('exit', () => rmSync(pidFile, { force: true }));
  // The child may be gone before it has read the line.
  child.stdin?.on('error', () => {});
  child.stdin?.end('go\n');
  return child;
}

/** Sends the signal to the program and all that it has started; nothing happens if it is gone already. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  process.kill(-child.pid, signal);
}
