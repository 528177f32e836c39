import { CdcError } from '#shared/errors.ts';
import type { Logger } from '#shared/log.ts';
import { logTag } from '#shared/task/positions.ts';
import type { ChangeRecord, Timestamp } from '../engine/change.ts';
import { Horizon } from '../engine/horizon.ts';
import { type Committed, type Hold, Progress } from '../engine/progress.ts';
import {
  type CursorStart,
  TickNotFoundError,
  UnknownMessageError,
  type Window,
  WindowAssembler,
} from '../engine/window.ts';
import {
  type ChangeSource,
  HistoryLostError,
  SourceUnavailableError,
  SourceUnsupportedError,
} from '../source/change-source.ts';
import { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { JobStatus } from './status.ts';
import { Wake } from './wake.ts';

export interface CursorOptions {
  readonly name: string;
  readonly channel: string;
  readonly start: CursorStart;
  /** Tag of the log that `start` belongs to; undefined: take the log as it is found. */
  readonly logTag: string | undefined;
  /** What was promised durably before this job; inserts up to it are sent as upserts. */
  readonly horizon: Timestamp;
  readonly source: ChangeSource;
  readonly clock: Clock;
  readonly status: JobStatus;
  readonly log: Logger;
  readonly bufferBytes: number;
  /** Plans a window. The hold is released by the cursor once this has returned. */
  readonly onWindow: (window: Window, cursor: Cursor, hold: Hold) => Promise<void> | void;
  /** Told at the end of each piece of log, unless more of it is at hand, what waits for its tick; each record once. */
  readonly onHeld?: ((records: readonly ChangeRecord[]) => void) | undefined;
  /** Called after each piece of log, when what was planned may be sent. */
  readonly onPlanned: () => void;
}

/** Reads one channel from a position on, hands its windows out in order, and knows how far they are applied.
 *  What it read but did not finish is bounded in bytes: it stops reading until some of it is applied. */
export class Cursor {
  readonly progress: Progress;
  readonly horizon: Horizon;
  /** Inserts at or below this may have been sent before. */
  readonly replayUntil: Timestamp;
  readonly channel: string;
  readonly #options: CursorOptions;
  readonly #released = new Wake();
  #bytes = 0;
  #next: CursorStart;
  #readTick: Timestamp;
  #logTag: string | undefined;
  #filling = false;

  constructor(options: CursorOptions) {
    this.#options = options;
    this.channel = options.channel;
    const { offset, tick } = options.start;
    this.progress = new Progress({ position: { offset, tick }, appliedBelow: offset });
    this.horizon = new Horizon(options.horizon);
    this.replayUntil = options.horizon;
    this.#next = options.start;
    this.#readTick = tick;
    this.#logTag = options.logTag;
  }

  get committed(): Committed {
    return this.progress.committed;
  }

  /** The tick of the newest window that was planned. */
  get readTick(): Timestamp {
    return this.#readTick;
  }

  /** True when everything that was planned is applied. */
  get done(): boolean {
    return this.progress.committed.position.tick === this.#readTick;
  }

  /** Known once the log was found. */
  get logTag(): string | undefined {
    return this.#logTag;
  }

  /** True while the log holds more than was just read. */
  get filling(): boolean {
    return this.#filling;
  }

  /** A hold that also counts the bytes of an operation against this cursor's budget. */
  weigh(hold: Hold, bytes: number): Hold {
    const inner = hold.again();
    this.#bytes += bytes;
    let held = true;
    return {
      release: () => {
        if (!held) return;
        held = false;
        this.#bytes -= bytes;
        inner.release();
        this.#released.notify();
      },
      again: () => inner.again(),
    };
  }

  /** Reads until the signal aborts. Waits and tries again while the source is away; fails with a {@link CdcError} when
   *  the log cannot be followed. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, status, name, log } = this.#options;
    const backoff = new Backoff({ clock });
    const part = `read ${name}`;
    while (!signal.aborted) {
      try {
        await this.#read(signal, () => {
          backoff.reset();
          status.clear(part);
        });
      } catch (error) {
        if (signal.aborted) break;
        if (!(error instanceof SourceUnavailableError)) throw asFailure(error, this.channel);
        log.warn({ err: error, channel: this.channel }, 'source away; trying again');
        status.trouble(part, 'source_unavailable', error.message);
        await backoff.wait(signal).catch(() => undefined);
      }
    }
    status.clear(part);
  }

  async #read(signal: AbortSignal, onHealthy: () => void): Promise<void> {
    const { source, channel, onPlanned, bufferBytes } = this.#options;
    const extent = await source.describeChannel(channel, signal);
    const tag = logTag(extent.logId);
    if (this.#logTag !== undefined && this.#logTag !== tag) {
      throw new HistoryLostError(`the log of ${channel} was deleted and made anew`);
    }
    this.#logTag = tag;
    const assembler = new WindowAssembler(this.#next);
    const options = { maxBufferedBytes: Math.min(bufferBytes / 4, 16 * 1024 * 1024), signal };
    for await (const records of source.read(channel, this.#next.offset, options)) {
      let windows = 0;
      for (const record of records) {
        const window = assembler.push(record);
        if (window === undefined) continue;
        if (signal.aborted) return;
        windows++;
        await this.#plan(window);
      }
      this.#filling = windows > 3;
      if (!this.#filling) this.#options.onHeld?.(assembler.takeFresh());
      onHealthy();
      onPlanned();
      while (this.#bytes + assembler.heldBytes > bufferBytes && this.#bytes > 0) {
        this.#filling = false;
        onPlanned();
        await this.#released.wait(signal);
      }
    }
  }

  async #plan(window: Window): Promise<void> {
    const { position, appliedBelow } = window;
    const hold = this.progress.open({ position, appliedBelow });
    this.horizon.note(position.tick);
    const planned = this.#options.onWindow(window, this, hold);
    if (planned !== undefined) await planned;
    this.#readTick = position.tick;
    this.#next = { ...position, exact: true };
    hold.release();
  }
}

function asFailure(error: unknown, channel: string): unknown {
  if (error instanceof HistoryLostError || error instanceof TickNotFoundError) {
    return new CdcError(
      'history_lost',
      `the log of ${channel} no longer holds where this task stopped (${error.message}); delete the task and create it again`,
      { cause: error },
    );
  }
  if (error instanceof UnknownMessageError)
    return new CdcError('unknown_message', error.message, { cause: error });
  if (error instanceof SourceUnsupportedError) {
    return new CdcError('source_unsupported', error.message, { cause: error });
  }
  return error;
}
