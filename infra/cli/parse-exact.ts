/** ES2025's third argument of a reviver, which TypeScript's library does not declare yet. */
type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;
const parse = JSON.parse as (text: string, reviver: Reviver) => unknown;

/** Reads JSON; whole numbers that a JavaScript number cannot hold become `bigint`. */
export function parseExact(text: string): unknown {
  return parse(text, (_, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source ?? '')
      ? BigInt(source ?? 0)
      : value,
  );
}
