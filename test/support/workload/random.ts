/** Numbers that look random and are the same for the same seed. */
export class Random {
  readonly #seed: number;
  #state: number;

  constructor(seed: number) {
    this.#seed = seed >>> 0;
    this.#state = this.#seed;
  }

  /** Another sequence for another purpose: what one actor does must not change what the next one draws. */
  fork(name: string): Random {
    let hash = this.#seed ^ 0x811c_9dc5;
    for (const char of name) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x0100_0193);
    return new Random(hash);
  }

  /** From 0 up to, but not, 1. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** Both ends included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.int(0, items.length - 1)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  /** Up to `count` different ones. */
  sample<T>(items: Iterable<T>, count: number): readonly T[] {
    const rest = [...items];
    const size = Math.min(count, rest.length);
    for (let place = 0; place < size; place += 1) {
      const other = this.int(place, rest.length - 1);
      [rest[place], rest[other]] = [rest[other] as T, rest[place] as T];
    }
    return rest.slice(0, size);
  }

  /** A 64-bit number of any size, as text. */
  int64(): string {
    const high = BigInt(this.int(-0x8000_0000, 0x7fff_ffff));
    return String((high << 32n) + BigInt(this.int(0, 0xffff_ffff)));
  }
}
