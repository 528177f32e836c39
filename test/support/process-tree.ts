import { readdirSync, readFileSync } from 'node:fs';

/** A process of Linux's /proc. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  /** State letter: `Z` has ended and waits for its parent. */
  readonly state: string;
  /** CPU seconds of itself and of its children that have ended. */
  readonly cpuSeconds: number;
}

/** Linux counts CPU time in hundredths of a second, for every architecture Node runs on. */
const TICKS_PER_SECOND = 100;

/** The process and everything below it, as far as it still runs. */
export function processTree(root: number): readonly ProcessInfo[] {
  const all = listProcesses();
  const tree = all.filter(({ pid }) => pid === root);
  for (const one of tree) tree.push(...all.filter(({ parent }) => parent === one.pid));
  return tree;
}

/** CPU seconds a tree has used so far, those of its ended children included. */
export function treeCpuSeconds(root: number): number {
  return processTree(root).reduce((sum, one) => sum + one.cpuSeconds, 0);
}

/** The highest resident memory of each process of the tree so far, summed: bytes. */
export function treePeakBytes(root: number): number {
  return processTree(root).reduce((sum, { pid }) => sum + peakBytes(pid), 0);
}

/** The replicators of a control plane: processes below it that run replicator/main.mjs, of one task or of all. */
export function findReplicators(controlPlane: number, taskId?: string): readonly number[] {
  const wanted = (variable: string) =>
    taskId === undefined ? variable.startsWith('CDC_TASK_ID=') : variable === `CDC_TASK_ID=${taskId}`;
  return processTree(controlPlane)
    .filter(({ pid, state }) => pid !== controlPlane && state !== 'Z')
    .filter(({ pid }) => environmentOf(pid).some(wanted))
    .map(({ pid }) => pid);
}

export function isAlive(pid: number): boolean {
  return listProcesses().some((one) => one.pid === pid && one.state !== 'Z');
}

function listProcesses(): ProcessInfo[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(Number(name)));
}

/** Nothing, when it ended while we looked. */
function readStat(pid: number): readonly ProcessInfo[] {
  const text = readText(`/proc/${pid}/stat`);
  // The second field is the program's name in brackets, which may hold blanks and brackets.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent] = fields;
  if (state === undefined || parent === undefined) return [];
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return [{ pid, parent: Number(parent), state, cpuSeconds: ticks / TICKS_PER_SECOND }];
}

function peakBytes(pid: number): number {
  const match = /^VmHWM:\s+(\d+) kB$/m.exec(readText(`/proc/${pid}/status`));
  return Number(match?.[1] ?? 0) * 1_024;
}

function environmentOf(pid: number): readonly string[] {
  return readText(`/proc/${pid}/environ`).split('\0');
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
