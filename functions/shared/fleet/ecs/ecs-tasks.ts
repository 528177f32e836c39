import { DescribeTasksCommand, type ECSClient, type Task } from '@aws-sdk/client-ecs';
import { REPLICATOR_ENV } from '../../names.ts';

/** The ids that a replicator was started with, as ECS shows them. */
export interface Ids {
  readonly taskId: string;
  readonly incarnation: string;
  readonly generation: number;
}

/** ECS describes so many at once. */
const DESCRIBED_AT_ONCE = 100;

/** Undefined for a task that is no replicator of ours. */
export function idsOf({ overrides }: Task): Ids | undefined {
  const variables = overrides?.containerOverrides?.flatMap(({ environment }) => environment ?? []) ?? [];
  const read = (wanted: string) => variables.find(({ name }) => name === wanted)?.value;
  const taskId = read(REPLICATOR_ENV.taskId);
  const incarnation = read(REPLICATOR_ENV.incarnation);
  const generation = Number(read(REPLICATOR_ENV.generation));
  if (taskId === undefined || incarnation === undefined || !Number.isInteger(generation)) return undefined;
  return { taskId, incarnation, generation };
}

/** As they are written into the overrides of a start: ids only, since whoever reads CloudTrail reads them. */
export function environmentOf({ taskId, incarnation, generation }: Ids) {
  return [
    { name: REPLICATOR_ENV.taskId, value: taskId },
    { name: REPLICATOR_ENV.incarnation, value: incarnation },
    { name: REPLICATOR_ENV.generation, value: String(generation) },
  ];
}

/** Describes as many tasks as there are; those that ECS does not know (any more) are left out. */
export async function describeTasks(
  client: ECSClient,
  cluster: string,
  arns: readonly string[],
): Promise<readonly Task[]> {
  const found: Task[] = [];
  for (let at = 0; at < arns.length; at += DESCRIBED_AT_ONCE) {
    const tasks = arns.slice(at, at + DESCRIBED_AT_ONCE);
    const answer = await client.send(new DescribeTasksCommand({ cluster, tasks }));
    found.push(...(answer.tasks ?? []));
  }
  return found;
}
