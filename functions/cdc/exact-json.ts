/** ES2025's `JSON.rawJSON`, which TypeScript's library does not declare yet. */
const { rawJSON } = JSON as typeof JSON & { rawJSON(text: string): object };

/** A JSON number with all its digits: ids and hybrid timestamps have 64 bits, a JavaScript number keeps 53. */
export function exactNumber(value: bigint): object {
  return rawJSON(value.toString());
}
