import type { StatusAnswer, TaskAnswer } from '../answers.ts';
import { targetOf } from '../target-of.ts';
import { bytes, duration, grouped } from './quantities.ts';
import { facts, oneLine, table } from './table.ts';

/** A list of tasks for people: one line each, and below what somebody should look at. */
export function taskListText(tasks: readonly TaskAnswer[]): string {
  if (tasks.length === 0) return 'there are no tasks\n';
  const rows = tasks.map((task) => [
    task.task_id,
    task.state,
    task.status?.phase ?? '',
    lagText(task.status),
    targetOf(task.milvus_connect_param),
    shortened(scopeOf(task)),
  ]);
  const remarks = tasks.flatMap((task) =>
    remarksOf(task).map((remark) => oneLine(`${task.task_id}: ${remark}`)),
  );
  return (
    table(['TASK', 'STATE', 'PHASE', 'LAG', 'TARGET', 'COLLECTIONS'], rows) +
    (remarks.length === 0 ? '' : `\n${remarks.join('\n')}\n`)
  );
}

/** One task for people, with all that is known about it. */
export function taskText(task: TaskAnswer): string {
  const { status } = task;
  const further = Object.entries(status?.request ?? {});
  const pairs: [string, string][] = [
    ['task', task.task_id],
    ['state', task.reason === undefined ? task.state : `${task.state}: ${task.reason}`],
    ...(status === undefined ? [] : statusFacts(status)),
    [
      'target',
      `${targetOf(task.milvus_connect_param)}${status?.credentials === true ? ' (with a login)' : ''}`,
    ],
    ...scopeOf(task).map((pattern): [string, string] => ['collections', pattern]),
    ...(status?.scope?.left_out ?? []).map(({ pattern, task: owner }): [string, string] => [
      'left out',
      owner === null ? pattern : `${pattern} (task ${owner} has it)`,
    ]),
    ...further.map(([name, value]): [string, string] => [name, JSON.stringify(value)]),
    ...(status === undefined ? [] : [['log', status.log] as [string, string]]),
  ];
  return facts(pairs) + collectionsText(status);
}

/** `db.collection`, as asked for. */
export function scopeOf({ collection_infos: plain, db_collections: databases }: TaskAnswer): string[] {
  return [
    ...(plain ?? []).map(({ name }) => `default.${name}`),
    ...Object.entries(databases ?? {}).flatMap(([database, infos]) =>
      (infos ?? []).map(({ name }) => `${database || 'default'}.${name}`),
    ),
  ];
}

function lagText(status: StatusAnswer | undefined): string {
  if (status === undefined) return '';
  return status.lag_ms === null ? 'unknown' : duration(status.lag_ms);
}

function statusFacts(status: StatusAnswer): [string, string][] {
  const { phase, since, reason, counters, lag_reason: why } = status;
  return [
    ['phase', `${phase} since ${since}`],
    ...(reason === null ? [] : [['reason', `${reason.code}: ${reason.message}`] as [string, string]]),
    ['lag', `${lagText(status)}${why === undefined ? '' : `: ${why}`}`],
    ...(counters === null ? [] : [['applied', countersText(counters)] as [string, string]]),
    ...status.warnings.map(({ code, message }): [string, string] => ['warning', `${code}: ${message}`]),
  ];
}

function countersText(counters: NonNullable<StatusAnswer['counters']>): string {
  const rows = `${grouped(counters.rows_inserted)} rows inserted, ${grouped(counters.rows_upserted)} upserted, ${grouped(counters.keys_deleted)} keys deleted`;
  return `${rows}; ${bytes(counters.bytes)} in ${grouped(counters.requests)} requests, ${grouped(counters.retries)} sent again`;
}

function collectionsText(status: StatusAnswer | undefined): string {
  const collections = status?.collections ?? [];
  if (collections.length === 0) return '';
  const rows = collections.map(({ source, target, state, reason, warnings }) => [
    source,
    target,
    state,
    [...(reason === undefined ? [] : [reason]), ...warnings].map((r) => `${r.code}: ${r.message}`).join('; '),
  ]);
  const hidden = status?.collections_left_out ?? 0;
  return `\n${table(['SOURCE', 'TARGET', 'STATE', ''], rows)}${hidden > 0 ? `and ${grouped(hidden)} more\n` : ''}`;
}

function remarksOf({ reason, status }: TaskAnswer): string[] {
  const said = status?.reason === undefined || status.reason === null ? [] : [status.reason];
  const remarks = [...said, ...(status?.warnings ?? [])].map(({ code, message }) => `${code}: ${message}`);
  return remarks.length === 0 && reason !== undefined ? [reason] : remarks;
}

function shortened(patterns: readonly string[]): string {
  const SHOWN = 3;
  const rest = patterns.length - SHOWN;
  return patterns.slice(0, SHOWN).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
