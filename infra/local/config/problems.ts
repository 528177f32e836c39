import type { CanonicalFile } from './keys.ts';

/** The settings cannot be used. One line per setting, each naming it as the operator wrote it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

/** Collects what is wrong with the settings, so that all of it is told at once. */
export class Problems {
  readonly lines: string[] = [];
  readonly warnings: string[] = [];
  readonly #spelling: CanonicalFile['spelling'];
  readonly #variables: ReadonlyMap<string, string>;

  constructor(spelling: CanonicalFile['spelling'], variables: ReadonlyMap<string, string>) {
    this.#spelling = spelling;
    this.#variables = variables;
  }

  /** `path` in our spelling. */
  refuse(path: string, sentence: string): void {
    this.lines.push(`${this.nameOf(path)} ${sentence}`);
  }

  warn(path: string, sentence: string): void {
    this.warnings.push(`${this.nameOf(path)} ${sentence}`);
  }

  /** As the operator spells it: the variable that set it, the key as it stands in the file, or our spelling. */
  nameOf(path: string): string {
    return this.#variables.get(path) ?? this.#spelling.get(path) ?? path;
  }
}
