import { expect, test } from 'vitest';
import { goFloat, goKind, goList, goScalar, goType } from '../../../../functions/cdc/go-text.ts';

// The texts are what Go 1.26 prints for `fmt.Printf("%v", float64(x))`.
test.each([
  [10001, '10001'],
  [19530.9, '19530.9'],
  [999999, '999999'],
  [1e6, '1e+06'],
  [1234567, '1.234567e+06'],
  [1234567.5, '1.2345675e+06'],
  [1e20, '1e+20'],
  [1e22, '1e+22'],
  [0.0001, '0.0001'],
  [0.00001, '1e-05'],
  [0.000123, '0.000123'],
  [-5, '-5'],
  [0, '0'],
  [5e-324, '5e-324'],
  [1.7976931348623157e308, '1.7976931348623157e+308'],
  [Number.POSITIVE_INFINITY, '+Inf'],
])('%d prints as %s', (value, text) => {
  expect(goFloat(value)).toBe(text);
});

test.each([
  ['x', 'string', 'string', 'x'],
  [1, 'float64', 'float64', '1'],
  [true, 'bool', 'bool', 'true'],
  [[1], '[]interface {}', 'slice', '***'],
  [{ a: 1 }, 'map[string]interface {}', 'map', '***'],
  [null, 'invalid', 'invalid', '<nil>'],
])('%j has the type %s and the kind %s', (value, type, kind, shown) => {
  expect([goType(value), goKind(value), goScalar(value)]).toEqual([type, kind, shown]);
});

test('a list has no commas', () => {
  expect(goList(['a', 'b'])).toBe('[a b]');
});
