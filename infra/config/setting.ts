import { z } from 'zod';

/** One setting: how it is read, and what `SETTINGS.md` says of it. */
export interface Setting<Value = unknown> {
  /** Reads a value of a YAML or JSON file as well as the text of `-c key=value` or of a variable. */
  readonly schema: z.ZodType<Value>;
  readonly type: string;
  readonly meaning: string;
  readonly example: string;
  /** What happens without it, where that is not a value. */
  readonly otherwise?: string | undefined;
}

/** Settings by name, in blocks. */
export interface SettingTree {
  readonly [name: string]: Setting | SettingTree;
}

/** What the settings of a tree are read as. */
export type Values<Tree> =
  Tree extends Setting<infer Value> ? Value : { readonly [Name in keyof Tree]: Values<Tree[Name]> };

export function isSetting(node: Setting | SettingTree): node is Setting {
  return node['schema'] instanceof z.ZodType;
}

export const text = z.string({ error: 'must be a text' }).trim().min(1, { error: 'must not be empty' });

export function matching(pattern: RegExp, error: string) {
  return text.regex(pattern, { error });
}

export function oneOf<const Choices extends readonly [string, ...string[]]>(choices: Choices) {
  return z.enum(choices, { error: `must be one of ${choices.join(', ')}` });
}

const FLAGS: Readonly<Record<string, boolean>> = { true: true, false: false };

export const flag = z.preprocess(
  (value) => (typeof value === 'string' ? (FLAGS[value.trim().toLowerCase()] ?? value) : value),
  z.boolean({ error: 'must be true or false' }),
);

/** A whole number. */
export function count({ min, max }: { readonly min: number; readonly max: number }) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.preprocess(
    (value) => (typeof value === 'string' && /^\s*\d+\s*$/.test(value) ? Number(value) : value),
    z.int({ error }).min(min, { error }).max(max, { error }),
  );
}

/** Separated by commas where it is text. */
export function list<Item extends z.ZodType<string>>(item: Item) {
  return z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value),
    z.array(item, { error: 'must be a list' }).readonly().default([]),
  );
}

/** `name=value`, separated by commas, where it is text. */
export const pairs = z.preprocess(
  (value) => {
    if (typeof value !== 'string') return value;
    const parts = value.split(',').map((part) => {
      const [name = '', ...rest] = part.split('=');
      return [name.trim(), rest.length === 0 ? undefined : rest.join('=').trim()];
    });
    return Object.fromEntries(parts) as unknown;
  },
  z.record(text, z.string({ error: 'must be name=value, several separated by commas' })).default({}),
);

/** A block that is handed on as it is; JSON where it is text. */
export const json = z.preprocess((value) => {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}, z.record(z.string(), z.unknown(), { error: 'must be a block of settings, as text: JSON' }).optional());

/** ARN of one resource; `rest` is what follows the service's name. */
export function arn(service: string, rest: RegExp, example: string) {
  const pattern = new RegExp(`^arn:aws[a-z-]*:${service}:${rest.source}$`);
  return matching(pattern, `must be an ARN like ${example}`);
}
