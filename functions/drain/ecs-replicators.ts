import {
  ClusterNotFoundException,
  type ECSClient,
  paginateListTasks,
  StopTaskCommand,
} from '@aws-sdk/client-ecs';
import { describeTasks } from '#shared/fleet/ecs/ecs-tasks.ts';
import type { Replicator, Replicators } from './ports.ts';

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
      const tasks = await describeTasks(this.#client, this.#cluster, [...new Set(arns)]);
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
}

/** The cluster was never made or is deleted, or ECS has forgotten the task. */
function isGone(error: unknown): boolean {
  if (error instanceof ClusterNotFoundException) return true;
  return (
    error instanceof Error && error.name === 'InvalidParameterException' && /not found/i.test(error.message)
  );
}
