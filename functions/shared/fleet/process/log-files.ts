import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';

export interface LogFilesOptions {
  /** Made when it is not there; its owner's only. */
  readonly folder: string;
  /** A file that reaches this many bytes becomes `<name>.1`, the one before it is dropped. @default 20 MB */
  readonly maxBytes?: number | undefined;
}

/** One log file per task, for all its replicators one after the other. */
export class LogFiles {
  readonly #folder: string;
  readonly #maxBytes: number;

  constructor(options: LogFilesOptions) {
    this.#folder = options.folder;
    this.#maxBytes = options.maxBytes ?? 20_000_000;
  }

  pathOf(taskId: string): string {
    return join(this.#folder, `${fileName(taskId)}.log`);
  }

  /** Where to write what a replicator prints. A log that cannot be written is lost, and nothing else: a full disk must
   *  not stop a replicator. */
  open(taskId: string): Writable {
    const path = this.pathOf(taskId);
    let size = sizeOf(path);
    const append = (chunk: Buffer) => {
      if (size > 0 && size + chunk.length > this.#maxBytes) {
        renameSync(path, `${path}.1`);
        size = 0;
      }
      if (size === 0) mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      appendFileSync(path, chunk, { mode: 0o600 });
      size += chunk.length;
    };
    return new Writable({
      write(chunk: Buffer, _encoding, done) {
        try {
          append(chunk);
        } catch {
          size = sizeOf(path);
        }
        done();
      },
    });
  }
}

/** A task id may hold any character and be long; a file name may not. */
function fileName(taskId: string): string {
  const plain = taskId.replaceAll(/[^\w.-]/g, '_').slice(0, 100);
  if (plain === taskId) return plain;
  return `${plain}-${createHash('sha256').update(taskId).digest('hex').slice(0, 8)}`;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
