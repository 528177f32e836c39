import { lengthFieldSize, type Writer } from './writer.ts';

/** Stretches of other buffers, to be written one after another: remembered, not copied, until they are written. */
export class Segments {
  bytes = 0;
  readonly #sources: Buffer[] = [];
  /** Start and end of each stretch in its source. */
  readonly #bounds: number[] = [];

  add(source: Buffer, start: number, end: number): void {
    if (start === end) return;
    this.bytes += end - start;
    const last = this.#sources.length - 1;
    if (this.#sources[last] === source && this.#bounds[last * 2 + 1] === start) {
      this.#bounds[last * 2 + 1] = end;
      return;
    }
    this.#sources.push(source);
    this.#bounds.push(start, end);
  }

  write(writer: Writer): void {
    for (let i = 0; i < this.#sources.length; i++) {
      const source = this.#sources[i];
      if (source !== undefined) writer.raw(source, this.#bounds[i * 2] ?? 0, this.#bounds[i * 2 + 1] ?? 0);
    }
  }
}

/** The content of a message with one repeated field, joined from several: packed stretches get one common header,
 *  everything else is kept with its tags. Order is kept, so a mixture of both is right, too. */
export class Runs {
  readonly #runs: { readonly packed: boolean; readonly segments: Segments }[] = [];

  /** `packed`: the stretch is elements without tags; otherwise it is complete fields. */
  add(packed: boolean, source: Buffer, bounds: { readonly start: number; readonly end: number }): void {
    let run = this.#runs.at(-1);
    if (run === undefined || run.packed !== packed) {
      run = { packed, segments: new Segments() };
      this.#runs.push(run);
    }
    run.segments.add(source, bounds.start, bounds.end);
  }

  get bytes(): number {
    let bytes = 0;
    for (const { packed, segments } of this.#runs) {
      bytes += packed ? lengthFieldSize(1, segments.bytes) : segments.bytes;
    }
    return bytes;
  }

  write(writer: Writer): void {
    for (const { packed, segments } of this.#runs) {
      if (packed) writer.lengthField(1, segments.bytes);
      segments.write(writer);
    }
  }
}
