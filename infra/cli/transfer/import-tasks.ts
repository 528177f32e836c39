import { MAX_BODY_BYTES } from '../../../functions/cdc/http-event.ts';
import { dryRunAnswer, listAnswer, type TaskAnswer } from '../answers.ts';
import type { CdcApi } from '../api.ts';
import { RefusedError } from '../failures.ts';
import { planText } from '../print/plan-text.ts';
import { targetOf } from '../target-of.ts';
import { importOrder } from './import-order.ts';
import type { ExportedTask, TaskFile } from './task-file.ts';

export interface ImportOptions {
  readonly api: CdcApi;
  /** The credentials of a task; undefined when none were given. */
  readonly tokenOf: (id: string) => string | undefined;
  /** Every task is paused, whatever it was. */
  readonly paused: boolean;
  /** Tasks start where new ones would, not where they stood. */
  readonly withoutPositions: boolean;
  /** Check everything, store nothing. */
  readonly dryRun: boolean;
  /** Told what becomes of each task. */
  readonly tell: (text: string) => void;
}

export interface Imported {
  readonly created: readonly string[];
  /** Exist already; not touched. */
  readonly existing: readonly string[];
  /** Not created, or created and not in the state that they should be in; it was said why. */
  readonly left: readonly string[];
}

type Outcome = 'created' | 'existing' | 'left';

/** Creates the tasks of a file under their ids, in the state they had. What exists is left as it is, so an import that
 *  was interrupted can be run again; one task that cannot be created keeps no other from it. Fails only when the API
 *  gives no answer. */
export async function importTasks(file: TaskFile, options: ImportOptions): Promise<Imported> {
  const { tasks } = listAnswer.parse((await options.api.call('list')).data);
  const there = new Map(tasks.map((task) => [task.task_id, task]));
  const ids: Record<Outcome, string[]> = { created: [], existing: [], left: [] };
  for (const task of importOrder(file.tasks)) {
    const id = task.create.task_id;
    const known = there.get(id);
    const outcome = known === undefined ? await importTask(task, options) : leave(task, known, options);
    ids[outcome].push(id);
  }
  return ids;
}

function leave(task: ExportedTask, known: TaskAnswer, { tell, paused }: ImportOptions): Outcome {
  const wanted = paused ? 'Paused' : task.state;
  const target = targetOf(known.milvus_connect_param);
  const other = [
    ...(targetOf(task.create.milvus_connect_param) === target ? [] : [`its target is ${target}`]),
    ...(known.state === wanted ? [] : [`it is ${known.state}, not ${wanted}`]),
  ];
  const differences = other.length === 0 ? '' : `; ${other.join(', ')}`;
  tell(`${known.task_id}: exists and is left as it is${differences}\n`);
  return 'existing';
}

async function importTask(task: ExportedTask, options: ImportOptions): Promise<Outcome> {
  const { api, tell, dryRun } = options;
  const id = task.create.task_id;
  for (const note of task.notes) tell(`${id}: note: ${note}\n`);
  const request = requestOf(task, options);
  if (typeof request === 'string') {
    tell(`${id}: left out: ${request}\n`);
    return 'left';
  }
  try {
    const { data } = await api.call('create', request);
    if (dryRun) return tellPlan(task, data, tell);
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    tell(`${id}: left out: ${error.message}\n`);
    return 'left';
  }
  const wanted = options.paused ? 'Paused' : task.state;
  const stopped = wanted === 'Running' || (await pause(api, id, tell));
  tell(`${id}: created${'start_positions' in request ? ', goes on where it stood' : ''}\n`);
  return stopped ? 'created' : 'left';
}

/** The create to send, or why there is none. */
function requestOf(task: ExportedTask, options: ImportOptions): object | string {
  const { create, positions, credentials } = task;
  const target = create.milvus_connect_param;
  const token = options.tokenOf(create.task_id);
  if (credentials && token === undefined && !hasClientKey(target))
    return 'it needs its login: --token-for ID=env:NAME';
  const sameTarget = positions?.target === targetOf(target);
  const start = options.withoutPositions || !sameTarget ? undefined : positions?.start;
  if (positions !== undefined && !sameTarget && !options.withoutPositions) {
    return `its positions are those of ${positions.target}; at another target it has to begin anew: --without-positions`;
  }
  const request = {
    ...create,
    milvus_connect_param: { ...target, ...(token === undefined ? {} : { token }) },
    ...(start === undefined ? {} : { start_positions: start }),
    ...(options.dryRun ? { dry_run: true } : {}),
  };
  const size = Buffer.byteLength(JSON.stringify(request));
  if (size > MAX_BODY_BYTES)
    return `its positions are too many for one create (${size} bytes): split the task`;
  return request;
}

/** Credentials that are no login; the control plane reads the key where it is named. */
function hasClientKey({ dial_config: dial }: ExportedTask['create']['milvus_connect_param']): boolean {
  return typeof dial === 'object' && dial !== null && 'client_key_path' in dial;
}

/** The create had it run; what it did until then it would have done again after the pause. */
async function pause(api: CdcApi, task_id: string, tell: ImportOptions['tell']): Promise<boolean> {
  try {
    await api.call('pause', { task_id });
    return true;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    tell(`${task_id}: runs, although it was paused: ${error.message}\n`);
    return false;
  }
}

function tellPlan(task: ExportedTask, data: unknown, tell: ImportOptions['tell']): Outcome {
  const plan = dryRunAnswer.parse(data);
  tell(`${task.create.task_id}: ${planText(plan)}`);
  const now = new Set([...plan.collections, ...plan.left_out].map(({ source }) => source));
  if (plan.not_listed === undefined) {
    for (const gone of task.collections.filter((source) => !now.has(source))) {
      tell(
        `warning: the source no longer has ${gone}: what the target holds of it stays there, drop it by hand\n`,
      );
    }
  }
  return 'created';
}
