import { mapConcurrently } from '../../../functions/cdc/map-concurrently.ts';
import { MASK } from '../../../functions/cdc/mask.ts';
import { getAnswer, listAnswer, type PositionItem, positionAnswer, type TaskAnswer } from '../answers.ts';
import type { CdcApi } from '../api.ts';
import { RefusedError, UsageError } from '../failures.ts';
import { targetOf, unmasked } from '../target-of.ts';
import type { TaskFileToWrite, TaskToWrite } from './task-file.ts';

/** Tasks asked for at a time. */
const AT_ONCE = 4;

/** All tasks as requests that create them again elsewhere, with the positions they stood at. A position that is older
 *  than the truth is right as well: what was applied since is applied again, to the same rows. Fails with
 *  {@link UsageError} when the API shows too little. */
export async function exportTasks(api: CdcApi, now: Date): Promise<TaskFileToWrite> {
  const { tasks } = listAnswer.parse((await api.call('list')).data);
  const exported = await mapConcurrently(tasks, AT_ONCE, ({ task_id: id }) => exportTask(api, id));
  return {
    format: 'milvus-cdc-tasks/1',
    exported_at: now.toISOString(),
    from: api.url,
    tasks: exported.filter((task) => task !== undefined),
  };
}

/** Undefined when the task was deleted meanwhile. */
async function exportTask(api: CdcApi, task_id: string): Promise<TaskToWrite | undefined> {
  let task: TaskAnswer;
  try {
    ({ task } = getAnswer.parse((await api.call('get', { task_id })).data));
  } catch (error) {
    if (error instanceof RefusedError && error.message.includes('not found')) return undefined;
    throw error;
  }
  const { positions } = positionAnswer.parse((await api.call('position', { task_id })).data);
  return exportedTask(task, positions ?? []);
}

/** Pure. Fails with {@link UsageError} when the answer lacks what a task cannot be created without. */
export function exportedTask(task: TaskAnswer, positions: readonly PositionItem[]): TaskToWrite {
  const { status } = task;
  if (status?.request === undefined || status.credentials === undefined) {
    throw new UsageError(
      'this API does not show all that makes a task (name mappings, for one); let it show status: api.showStatus',
    );
  }
  const start = startPositions(positions);
  return {
    create: {
      task_id: task.task_id,
      milvus_connect_param: withoutMask(task.milvus_connect_param),
      ...scopeMembers(task),
      ...status.request,
    },
    state: task.state === 'Paused' ? 'Paused' : 'Running',
    credentials: status.credentials,
    ...(Object.keys(start).length === 0
      ? {}
      : { positions: { target: targetOf(task.milvus_connect_param), start } }),
    after: [...new Set((status.scope?.left_out ?? []).flatMap(({ task: owner }) => owner ?? []))],
    collections: (status.collections ?? []).map(({ source }) => source),
    notes: notesOf(task, start),
  };
}

function scopeMembers({ collection_infos: plain, db_collections: databases }: TaskAnswer): object {
  const names = (infos: TaskAnswer['collection_infos']) =>
    (infos ?? []).map(({ positions: _, ...info }) => ({ ...Object(meaningful(info)), name: info.name }));
  if (databases === null || databases === undefined) return { collection_infos: names(plain) };
  return {
    db_collections: Object.fromEntries(
      Object.entries(databases).map(([database, infos]) => [database, names(infos)]),
    ),
  };
}

/** User-info is a credential, and the import is given those apart. */
function withoutMask(param: TaskAnswer['milvus_connect_param']): Record<string, unknown> {
  return Object(meaningful({ ...param, uri: unmasked(param.uri), host: unmasked(param.host) }));
}

/** Positions without a virtual channel are of what has no collection; where that begins is found anew. */
function startPositions(positions: readonly PositionItem[]): Record<string, string> {
  return Object.fromEntries(
    positions.flatMap(({ vchannel, msg_id }) => (vchannel === undefined ? [] : [[vchannel, msg_id]])),
  );
}

function notesOf(task: TaskAnswer, start: Readonly<Record<string, string>>): string[] {
  const { collections_left_out: hidden = 0 } = task.status ?? {};
  const paths = Object.keys(Object(task.milvus_connect_param['dial_config'])).filter(
    (key) => key !== 'server_name',
  );
  return [
    ...(Object.keys(start).length === 0
      ? ['no position is known: it starts where a new task would, and rows older than the log are not copied']
      : []),
    ...(targetOf(task.milvus_connect_param).includes(MASK)
      ? [`a part of its URI is a credential and not shown: replace ${MASK}`]
      : []),
    ...(paths.length > 0 ? [`its ${paths.join(', ')} have to be there for the other control plane too`] : []),
    ...(hidden > 0
      ? [`${hidden} of its collections are not listed here; they are imported all the same`]
      : []),
  ];
}

/** Without zero values, which are the same as none: people read the file. */
function meaningful(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(meaningful);
  if (typeof value !== 'object' || value === null) return value || undefined;
  const members = Object.entries(value).flatMap(([key, member]) => {
    const kept = meaningful(member);
    return kept === undefined ? [] : [[key, kept]];
  });
  return members.length === 0 ? undefined : Object.fromEntries(members);
}
