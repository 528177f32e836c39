import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { basename, delimiter, isAbsolute, join } from 'node:path';
import { signalGroup, spawnOwned } from '../owned-process.ts';
import { RunFolder } from '../run-folder.ts';

/** Says on standard error what takes long; tests print their own report on standard output. */
export function progress(line: string): void {
  process.stderr.write(`[stack] ${line}\n`);
}

/** What to tell a developer whose machine lacks a program. */
const HINTS: Readonly<Record<string, string>> = {
  python3:
    'Python 3.8 or newer with pip (Debian: apt install python3-pip) fetches the Milvus server from PyPI',
  java: 'Java 17 or newer (Debian: apt install default-jre-headless) runs Kafka and DynamoDB Local',
  mvn: 'Maven (Debian: apt install maven) fetches Kafka and DynamoDB Local from Maven Central',
};

const TOOL_TIMEOUT_MS = 15 * 60_000;

/** Fails with a sentence that says what to install when the program is not on the PATH. */
export function requireTool(command: string): void {
  if (isAbsolute(command)) return;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  if (folders.some((folder) => existsSync(join(folder, command)))) return;
  throw new Error(`${command} is not installed: ${HINTS[command] ?? 'install it'}.`);
}

export interface ToolRun {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Added to our own environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Shows its output on our standard error as it comes. */
  readonly show: boolean;
}

/** Runs a program to its end. Fails with the end of its output when the program fails. */
export async function runTool({ command, args, cwd, env, show }: ToolRun): Promise<void> {
  requireTool(command);
  const run = new RunFolder();
  const child = spawnOwned({ name: basename(command), run, command, args, cwd, env, output: 'pipe' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      if (show) process.stderr.write(text);
      output = (output + text).slice(-4_000);
    });
  }
  const tooLong = setTimeout(() => signalGroup(child, 'SIGKILL'), TOOL_TIMEOUT_MS);
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (code !== 0) throw new Error(`${command} ended with ${signal ?? `code ${code}`}:\n${output}`);
  } finally {
    clearTimeout(tooLong);
    await run.remove();
  }
}
