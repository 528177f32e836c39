import { LENGTH, type Scanner } from './scan.ts';
import { lengthFieldSize, type Writer } from './writer.ts';

interface PartFlags {
  readonly rows: number;
  /** One byte per row, 0 or 1; undefined when the part has none, which says that every row is there. */
  readonly flags: Uint8Array | undefined;
}

/** The `valid_data` of a nullable column, joined over several parts: one flag per row, false where it is null.
 *  A part without flags counts as all true as soon as another part has some. */
export class ValidFlags {
  readonly #parts: PartFlags[] = [];
  #rows = 0;
  #flagged = false;
  #current: Uint8Array | undefined;
  #filled = 0;
  #expected = 0;

  startPart(rows: number): void {
    this.#expected = rows;
    this.#current = undefined;
    this.#filled = 0;
  }

  /** Takes the current occurrence of the repeated bool, packed or not. */
  read(scan: Scanner): void {
    this.#current ??= new Uint8Array(this.#expected);
    if (scan.wireType !== LENGTH) {
      this.#push(scan.number());
      return;
    }
    const end = scan.open();
    while (scan.position < end) this.#push(scan.packedInt64() === 0n ? 0 : 1);
    scan.seek(end);
  }

  /** False when the part has flags, but not one per row. */
  endPart(): boolean {
    // An empty packed field is the same as none.
    const flags = this.#filled === 0 ? undefined : this.#current;
    if (flags !== undefined && this.#filled !== this.#expected) return false;
    this.#flagged ||= flags !== undefined;
    this.#rows += this.#expected;
    this.#parts.push({ rows: this.#expected, flags });
    return true;
  }

  size(field: number): number {
    return this.#flagged ? lengthFieldSize(field, this.#rows) : 0;
  }

  write(field: number, writer: Writer): void {
    if (!this.#flagged) return;
    writer.lengthField(field, this.#rows);
    for (const { rows, flags } of this.#parts) {
      if (flags === undefined) writer.fill(1, rows);
      else writer.raw(flags, 0, rows);
    }
  }

  #push(flag: number): void {
    if (this.#current !== undefined) this.#current[this.#filled] = flag === 0 ? 0 : 1;
    this.#filled++;
  }
}
