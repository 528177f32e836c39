import { z } from 'zod';

/** Building blocks of request schemas that decode as milvus-cdc's decoder (mapstructure) does: `null` is the same as
 *  absent, what is absent has Go's zero value, keys match without regard to case, unknown keys are ignored, a fraction
 *  given for an int is cut off, and nothing is ever converted from a string. */

const present = (value: unknown): unknown => (value === null ? undefined : value);

/** Half a surrogate pair becomes U+FFFD, as in Go: stores keep UTF-8, and an id has to come back as it went in. */
export const text = z.preprocess(
  (value) => (typeof value === 'string' ? value.toWellFormed() : present(value)),
  z.string().default(''),
);

export const flag = z.preprocess(present, z.boolean().default(false));

export const int = z.preprocess(
  (value) => (typeof value === 'number' ? Math.trunc(value) : present(value)),
  z.number().default(0).meta({ type: 'integer' }),
);

/** An object with known members. A key in the exact spelling wins over one in another case. */
export function struct<Shape extends z.ZodRawShape>(shape: Shape) {
  const members = new Map(Object.keys(shape).map((name) => [name.toLowerCase(), name]));
  return z.preprocess((value) => renameKeys(present(value) ?? {}, members), z.object(shape));
}

/** A list; `null` when absent, which is not the same as an empty one where it is shown. */
export function list<Item extends z.ZodType>(item: Item) {
  return z.preprocess(present, z.array(item).nullable().default(null));
}

/** An object whose keys are data. */
export function dictionary<Item extends z.ZodType>(item: Item) {
  return z.preprocess(
    (value) =>
      isObject(value)
        ? Object.fromEntries(Object.entries(value).map(([key, member]) => [key.toWellFormed(), member]))
        : present(value),
    z.record(z.string(), item).nullable().default(null),
  );
}

/** Anything, as it came. */
export const anything = z.unknown();

function renameKeys(value: unknown, members: ReadonlyMap<string, string>): unknown {
  if (!isObject(value)) return value;
  const renamed = new Map<string, unknown>();
  for (const [key, member] of Object.entries(value)) {
    const name = members.get(key.toLowerCase());
    if (name === undefined) continue;
    if (key === name || !Object.hasOwn(value, name)) renamed.set(name, member);
  }
  return Object.fromEntries(renamed);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
