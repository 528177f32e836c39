/** How Go prints values. milvus-cdc's messages quote what they were given in this form, and clients match on them. */

/** As `%v` prints a JSON number: shortest digits, with an exponent below 1e-4 and from 1e6 on (`10001`, `19530.9`,
 *  `1e+06`, `1.234567e+06`). */
export function goFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  const [digits = '', power = '0'] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 6) return Object.is(value, -0) ? '-0' : value.toString();
  return `${digits}e${exponent < 0 ? '-' : '+'}${Math.abs(exponent).toString().padStart(2, '0')}`;
}

/** Type of a decoded JSON value as `reflect` names it. */
export function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'object' && value !== null) return 'map[string]interface {}';
  return goKind(value);
}

/** Kind of a decoded JSON value as `reflect` names it. */
export function goKind(value: unknown): string {
  if (value === null || value === undefined) return 'invalid';
  if (Array.isArray(value)) return 'slice';
  switch (typeof value) {
    case 'number':
      return 'float64';
    case 'boolean':
      return 'bool';
    case 'string':
      return 'string';
    default:
      return 'map';
  }
}

/** As `%v` prints a scalar. Objects and lists are not printed: they may hold anything, also credentials. */
export function goScalar(value: unknown): string {
  switch (typeof value) {
    case 'number':
      return goFloat(value);
    case 'string':
      return value;
    case 'boolean':
      return String(value);
    default:
      return value === null || value === undefined ? '<nil>' : '***';
  }
}

/** As `%v` prints a list of strings: `[a b]`. */
export function goList(items: readonly string[]): string {
  return `[${items.join(' ')}]`;
}
