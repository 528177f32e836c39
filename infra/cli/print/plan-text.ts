import type { DryRunAnswer } from '../answers.ts';
import { grouped } from './quantities.ts';
import { oneLine, table } from './table.ts';

/** What a create would do, for people. */
export function planText(plan: DryRunAnswer): string {
  const heading = plan.exists
    ? `the task ${plan.task_id} exists: this is what it does\n`
    : `the task would be created; nothing was stored\n`;
  const rows = [
    ...plan.collections.map(({ source, target, history_complete: complete }) => [
      source,
      target,
      complete ? 'from its creation' : 'from now on: the log no longer reaches back to its creation',
    ]),
    ...plan.left_out.map(({ source, why }) => [source, '', `left out: ${why}`]),
  ];
  return [
    heading,
    `source Milvus ${plan.source.version || '(version unknown)'}, target Milvus ${plan.target.version}\n`,
    rows.length === 0 ? '' : `\n${table(['SOURCE', 'TARGET', ''], rows)}`,
    plan.not_listed === undefined ? '' : `and ${grouped(plan.not_listed)} more\n`,
    ...plan.warnings.map((warning) => `warning: ${oneLine(warning)}\n`),
  ].join('');
}
