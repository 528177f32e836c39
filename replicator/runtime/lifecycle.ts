import { fstatSync } from 'node:fs';
import { EXIT } from '#shared/fleet/fleet.ts';
import type { Logger } from '#shared/log.ts';

/** A signal that aborts when this process is asked to end: by SIGTERM or SIGINT, or because the pipe from its parent was
 *  closed, so that a parent that was killed leaves no orphan. From then on the process has `forcedExitMs`. */
export function onStopRequest(log: Logger, forcedExitMs: number): AbortSignal {
  const stop = new AbortController();
  const request = (why: string) => {
    if (stop.signal.aborted) return;
    log.info({ why }, 'asked to stop');
    setTimeout(() => {
      log.error('not drained in time');
      process.exit(EXIT.retry);
    }, forcedExitMs).unref();
    stop.abort();
  };
  process.on('SIGTERM', () => request('SIGTERM'));
  process.on('SIGINT', () => request('SIGINT'));
  // A pipe has a parent at its other end; a container's standard input is at its end from the start.
  const stdin = fstatSync(0);
  if (stdin.isFIFO() || stdin.isSocket()) {
    process.stdin.on('end', () => request('the parent has gone'));
    process.stdin.on('error', () => request('the parent has gone'));
    process.stdin.resume();
  }
  return stop.signal;
}
