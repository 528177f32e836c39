import {
  ClusterNotFoundException,
  DescribeTasksCommand,
  type ECSClient,
  paginateListTasks,
  StopTaskCommand,
  type Task,
} from '@aws-sdk/client-ecs';
import type { Replicator, Replicators } from './ports.ts';

/** Tasks that one DescribeTasks takes. */
const AT_ONCE = 100;

/** All tasks of one cluster: the stack's own, nothing else runs in it. */
export class EcsReplicators implements Replicators {
  readonly #client: ECSClient;
  readonly #cluster: string;

  constructor(client: ECSClient, cluster: string) {
    this.#client = client;
    this.#cluster = cluster;
  }

  async list(): Promise<readonly Replicator[]> {
    try {
      // A task that has been asked to stop is listed as STOPPED long before it is.
      const arns = [...(await this.#arns('RUNNING')), ...(await this.#arns('STOPPED'))];
      const tasks = await this.#describe([...new Set(arns)]);
      return tasks.flatMap(({ taskArn: id, lastStatus, desiredStatus }) =>
        id === undefined || lastStatus === 'STOPPED' ? [] : [{ id, stopping: desiredStatus === 'STOPPED' }],
      );
    } catch (error) {
      if (isGone(error)) return [];
      throw error;
    }
  }

  async stop(id: string): Promise<void> {
    const reason = 'the stack is being deleted';
    try {
      await this.#client.send(new StopTaskCommand({ cluster: this.#cluster, task: id, reason }));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  async #arns(desiredStatus: 'RUNNING' | 'STOPPED'): Promise<readonly string[]> {
    const arns: string[] = [];
    const pages = paginateListTasks({ client: this.#client }, { cluster: this.#cluster, desiredStatus });
    for await (const { taskArns = [] } of pages) arns.push(...taskArns);
    return arns;
  }

  async #describe(arns: readonly string[]): Promise<readonly Task[]> {
    const found: Task[] = [];
    for (let i = 0; i < arns.length; i += AT_ONCE) {
      const tasks = arns.slice(i, i + AT_ONCE);
      const answer = await this.#client.send(new DescribeTasksCommand({ cluster: this.#cluster, tasks }));
      found.push(...(answer.tasks ?? []));
    }
    return found;
  }
}

/** The cluster was never made or is deleted, or ECS has forgotten the task. */
function isGone(error: unknown): boolean {
  if (error instanceof ClusterNotFoundException) return true;
  return (
    error instanceof Error && error.name === 'InvalidParameterException' && /not found/i.test(error.message)
  );
}
