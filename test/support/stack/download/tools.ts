import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

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

/** Runs a program to its end, its output on our standard error. Fails with a sentence that says what to install when the
 *  program is missing, else with the end of its output. */
export async function runTool(command: string, args: readonly string[], cwd: string): Promise<void> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      process.stderr.write(text);
      output = (output + text).slice(-4_000);
    });
  }
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (code !== 0) throw new Error(`${command} ended with ${signal ?? `code ${code}`}:\n${output}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw missing(command, error);
  } finally {
    process.off('exit', kill);
  }
}

/** Fails with a sentence that says what to install when the program is not on the PATH. */
export function requireTool(command: string): void {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  if (!folders.some((folder) => existsSync(join(folder, command)))) throw missing(command);
}

function missing(command: string, cause?: unknown): Error {
  return new Error(`${command} is not installed: ${HINTS[command] ?? 'install it'}.`, { cause });
}
