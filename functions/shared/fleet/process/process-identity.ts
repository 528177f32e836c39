import { readFileSync } from 'node:fs';

/** Which process is meant: the number alone may be another's after a while. `startedAt`: clock ticks since boot, from
 *  `/proc`; absent where there is no `/proc`. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startedAt: string | undefined;
}

/** `alive` and `dead` are proven; `unknown`: a process of that number lives, and nothing tells whether it is the one. */
export type Liveness = 'alive' | 'dead' | 'unknown';

/** The identity of a process that runs now. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startedAt: readStat(pid)?.startedAt };
}

/** `<pid>:<start time>`, the start time empty where it is not known. */
export function toHandle(identity: ProcessIdentity): string {
  return `${identity.pid}:${identity.startedAt ?? ''}`;
}

/** Undefined for a text that {@link toHandle} did not make. */
export function fromHandle(handle: string): ProcessIdentity | undefined {
  const match = /^([1-9]\d*):(\d*)$/.exec(handle);
  if (match === null) return undefined;
  return { pid: Number(match[1]), startedAt: match[2] || undefined };
}

export function liveness(identity: ProcessIdentity): Liveness {
  const stat = readStat(identity.pid);
  if (stat !== undefined && identity.startedAt !== undefined) {
    return stat.startedAt === identity.startedAt && !stat.ended ? 'alive' : 'dead';
  }
  return exists(identity.pid) ? 'unknown' : 'dead';
}

/** Fields 3 (state) and 22 (start time) of `/proc/<pid>/stat`, proc_pid_stat(5). The second field is the command in
 *  parentheses and may hold anything, so reading starts behind its last one. */
function readStat(pid: number): { startedAt: string; ended: boolean } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startedAt] = [fields[0], fields[19]];
  if (state === undefined || startedAt === undefined) return undefined;
  // Z and X: it has ended, only its parent has not looked yet.
  return { startedAt, ended: state === 'Z' || state === 'X' };
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
