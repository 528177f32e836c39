/** Collects what is wrong with the settings, so that all of it is told at once: one sentence per setting, the first. */
export class Problems {
  readonly warnings: string[] = [];
  readonly #sentences = new Map<string, string>();
  readonly #variables: ReadonlyMap<string, string>;

  /** `variables`: path of a setting -> the variable that set it. */
  constructor(variables: ReadonlyMap<string, string>) {
    this.#variables = variables;
  }

  refuse(path: string, sentence: string): void {
    if (!this.#sentences.has(path)) this.#sentences.set(path, `${this.nameOf(path)} ${sentence}`);
  }

  warn(path: string, sentence: string): void {
    this.warnings.push(`${this.nameOf(path)} ${sentence}`);
  }

  /** As the operator spelled it. */
  nameOf(path: string): string {
    return this.#variables.get(path) ?? path;
  }

  get lines(): readonly string[] {
    return [...this.#sentences.values()];
  }
}
