import { type Counters, type Reason, type Run, type RunUpdate, runSchema } from '../../task/run.ts';
import { itemName, parseItem } from '../parse-item.ts';
import { key } from './keys.ts';
import type { Item } from './statements.ts';

/** Attribute names of the run item. It is written every few seconds for each task, and a write is paid per kilobyte of
 *  the whole item, names included: hence the letters, times as numbers, and counters as a list. With 32 channels it
 *  stays under one kilobyte (a test holds that). */
export const RUN = {
  version: 'v',
  incarnation: 'i',
  generation: 'g',
  owner: 'o',
  epoch: 'e',
  beat: 'b',
  released: 'r',
  /** Milliseconds since 1970. */
  leaseExpiresAt: 'x',
  phase: 'p',
  /** Milliseconds since 1970. */
  phaseSince: 's',
  channels: 'c',
  watermark: 'w',
  /** Milliseconds since 1970. */
  advancedAt: 'a',
  /** Absent when there are none. */
  quarantined: 'q',
  /** Numbers, in the order of {@link COUNTERS}. */
  counters: 'n',
  reason: 'm',
  /** Absent when there are none. */
  warnings: 'k',
  lastError: 'l',
  scopeRevision: 't',
} as const satisfies Record<Exclude<keyof Run, 'taskId'>, string>;

/** New counters go to the end: an older item is shorter, and what it lacks is 0. */
const COUNTERS = [
  'rowsInserted',
  'rowsUpserted',
  'keysDeleted',
  'bytes',
  'requests',
  'retries',
  'ambiguous',
  'rowsOfDroppedCollections',
] as const satisfies readonly (keyof Counters)[];

/** What a renewal writes, by member; undefined members are to be removed. */
export function accountAttributes(update: RunUpdate): Readonly<Record<keyof RunUpdate, unknown>> {
  return {
    leaseExpiresAt: Date.parse(update.leaseExpiresAt),
    phase: update.phase,
    phaseSince: Date.parse(update.phaseSince),
    reason: update.reason && packReason(update.reason),
    channels: update.channels,
    watermark: update.watermark,
    advancedAt: update.advancedAt && Date.parse(update.advancedAt),
    quarantined: update.quarantined,
    counters: COUNTERS.map((name) => update.counters[name]),
    warnings: update.warnings.length === 0 ? undefined : update.warnings.map(packReason),
    lastError: update.lastError && [...packReason(update.lastError), Date.parse(update.lastError.at)],
    scopeRevision: update.scopeRevision,
  };
}

export function runItem(run: Run): Item {
  const { version, incarnation, generation, owner, epoch, beat, released } = run;
  const values = {
    version,
    incarnation,
    generation,
    owner,
    epoch,
    beat,
    released,
    ...accountAttributes(run),
  };
  const attributes = Object.entries(values).map(([member, value]) => [
    RUN[member as keyof typeof RUN],
    value,
  ]);
  return { ...key.run(run.taskId), ...Object.fromEntries(attributes) };
}

export function runOf(taskId: string, item: Item): Run {
  const raw = {
    version: item[RUN.version],
    taskId,
    incarnation: item[RUN.incarnation],
    generation: item[RUN.generation],
    owner: item[RUN.owner],
    epoch: item[RUN.epoch],
    beat: item[RUN.beat],
    released: item[RUN.released],
    leaseExpiresAt: time(item[RUN.leaseExpiresAt]),
    phase: item[RUN.phase],
    phaseSince: time(item[RUN.phaseSince]),
    reason: unpackReason(item[RUN.reason]),
    channels: item[RUN.channels],
    watermark: item[RUN.watermark],
    advancedAt: time(item[RUN.advancedAt]),
    quarantined: item[RUN.quarantined],
    counters: unpackCounters(item[RUN.counters]),
    warnings: list(item[RUN.warnings]).map(unpackReason),
    lastError: unpackPastError(item[RUN.lastError]),
    scopeRevision: item[RUN.scopeRevision],
  };
  return parseItem(runSchema, raw, itemName.run(taskId));
}

function packReason(reason: Reason): readonly [string, string] {
  return [reason.code, reason.message];
}

function unpackReason(stored: unknown): unknown {
  if (!Array.isArray(stored)) return stored;
  return { code: stored[0], message: stored[1] };
}

function unpackPastError(stored: unknown): unknown {
  if (!Array.isArray(stored)) return stored;
  return { code: stored[0], message: stored[1], at: time(stored[2]) };
}

function unpackCounters(stored: unknown): unknown {
  if (!Array.isArray(stored)) return stored;
  return Object.fromEntries(COUNTERS.map((name, i) => [name, stored[i] ?? 0]));
}

function list(stored: unknown): readonly unknown[] {
  return Array.isArray(stored) ? stored : [];
}

/** A time that is none stays as it is, for the schema to refuse. */
function time(stored: unknown): unknown {
  const ms = Number(stored);
  return typeof stored === 'number' && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : stored;
}
