import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { STACK_METRICS, TASK_METRICS } from '#shared/metrics.ts';
import { synth } from './synth.ts';

const document = readFileSync(new URL('../../../infra/COST.md', import.meta.url), 'utf8');

/** The cells of all rows of all tables. */
const rows = document
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) =>
    line
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.trim()),
  );

/** Products and sums of numbers, in parentheses or not, each with its unit behind it. */
function calculate(text: string): number {
  const tokens = text
    .replaceAll(/[$,]|\b(?<!\/ )GB\b|(?<=\d) s\b/g, '')
    .replaceAll('/ M', '× 0.000001')
    .replaceAll('/ GB', '× 0.000000001')
    .replaceAll('KB', '× 1000')
    .match(/[\d.]+|[+×()]/g);
  const rest = [...(tokens ?? [])];
  const sum = (): number => {
    let value = product();
    for (; rest[0] === '+'; value += product()) rest.shift();
    return value;
  };
  const product = (): number => {
    let value = factor();
    for (; rest[0] === '×'; value *= factor()) rest.shift();
    return value;
  };
  const factor = (): number => {
    const token = rest.shift();
    if (token !== '(') return Number(token);
    const value = sum();
    rest.shift();
    return value;
  };
  return sum();
}

const calculations = rows.filter(
  ([, arithmetic = '', month = '']) => arithmetic.includes('×') && /^\$[\d.]+$/.test(month),
);

test('there is arithmetic to redo', () => {
  expect(calculations.length).toBeGreaterThan(12);
});

test.each(calculations)('%s: %s is %s', (_what, arithmetic = '', month = '') => {
  const decimals = month.split('.')[1]?.length ?? 0;
  expect(calculate(arithmetic).toFixed(decimals)).toBe(month.slice(1));
});

test('each case of the overview is the sum of its columns', () => {
  const cases = rows.filter(([, , , , , , together = '']) => together.startsWith('**$'));
  expect(cases).toHaveLength(4);
  for (const [, ...cells] of cases) {
    const amounts = cells.map((cell) => Number(cell.replaceAll(/[*$]/g, '')) || 0);
    const total = amounts.pop();
    expect(amounts.reduce((sum, amount) => sum + amount, 0)).toBeCloseTo(total ?? 0, 5);
  }
});

test('metrics and alarms are as many as the stack has', () => {
  const alarms = Object.values(synth().findResources('AWS::CloudWatch::Alarm'));
  const metrics = alarms.flatMap(
    ({ Properties }) =>
      Properties.Metrics?.filter((metric: object) => 'MetricStat' in metric) ?? [Properties],
  );
  const told = rows.map(([what, arithmetic]) => `${what}: ${arithmetic}`).join('\n');
  expect(told).toContain(`: ${Object.keys(STACK_METRICS).length} × $0.30`);
  expect(told).toContain(`: ${Object.keys(TASK_METRICS).length} × $0.30`);
  expect(told).toContain(
    `${alarms.length} alarms, over ${metrics.length} metrics: ${metrics.length} × $0.10`,
  );
});
