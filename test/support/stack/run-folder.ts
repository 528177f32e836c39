import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from './wait-until.ts';

/** Runs beside us, in a session of its own. Its standard input is a pipe that only we hold, so the end of that pipe
 *  means that we are gone, however we went: it then kills the process group of every pid file and removes the folder.
 *  The second removal is for what a dying process wrote during the first. */
const REAPER = `
while read -r _; do :; done
for file in "$1"/pids/*; do
  [ -f "$file" ] && kill -s KILL -- "-$(cat "$file")"
done
rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }
`;

const REMOVE_TIMEOUT_MS = 30_000;

/** A temporary folder for servers' data, logs and pid files.
 *  **Invariant:** it does not outlive this process, nor does a process whose group stands in `pids/`: not after a normal
 *  exit, an uncaught exception, a signal, nor `kill -9`. */
export class RunFolder {
  readonly path: string;
  readonly #closeReaper: () => void;

  constructor() {
    this.path = mkdtempSync(join(tmpdir(), 'milvus-cdc-stack-'));
    mkdirSync(this.pids);
    const reaper = spawn('/bin/sh', ['-c', REAPER, 'stack-reaper', this.path], {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    reaper.unref();
    reaper.stdin.on('error', () => {});
    this.#closeReaper = () => reaper.stdin.end();
  }

  /** One file per running process, named after it, holding its process group. */
  get pids(): string {
    return join(this.path, 'pids');
  }

  /** Kills what still runs in here and removes the folder. */
  async remove(): Promise<void> {
    this.#closeReaper();
    const isGone = async () => !existsSync(this.path);
    const what = `${this.path} is removed`;
    await waitUntil(isGone, { what, timeoutMs: REMOVE_TIMEOUT_MS, everyMs: 10 });
  }
}
