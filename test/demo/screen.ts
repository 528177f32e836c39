import type { WriteStream } from 'node:tty';

/** Shows the newest state: one block that is drawn again in place on a terminal, one line each time elsewhere. */
export class Screen {
  readonly #out: WriteStream;
  #height = 0;

  constructor(out: WriteStream) {
    this.#out = out;
  }

  show(cells: readonly (readonly [name: string, value: string])[]): void {
    if (!this.#out.isTTY) {
      this.#out.write(`${cells.map(([name, value]) => `${name} ${value}`).join(' | ')}\n`);
      return;
    }
    const width = Math.max(...cells.map(([name]) => name.length));
    const lines = cells.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
    const up = this.#height === 0 ? '' : `\x1b[${this.#height}A`;
    this.#out.write(`${up}${lines.map((line) => `\x1b[2K${line}\n`).join('')}`);
    this.#height = lines.length;
  }

  /** Text that stays; the block begins anew below it. */
  say(text: string): void {
    this.#out.write(`${text}\n`);
    this.#height = 0;
  }
}
