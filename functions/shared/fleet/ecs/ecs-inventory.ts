import { paginateListTasks, type Task } from '@aws-sdk/client-ecs';
import type { FleetInventory, FoundReplicator, Kept } from '../fleet-inventory.ts';
import type { EcsFleetOptions } from './ecs-fleet.ts';
import { incarnationOf } from './ecs-names.ts';
import { describeTasks, idsOf } from './ecs-tasks.ts';
import { TaskDefinitions } from './task-definitions.ts';

/** The {@link FleetInventory} of ECS: the families of the tasks' own task definitions, whose names tell stack and life, and
 *  what runs of them. Others may use the cluster too. */
export class EcsInventory implements FleetInventory {
  readonly #options: Pick<EcsFleetOptions, 'clients' | 'stack' | 'cluster' | 'baseTaskDefinition'>;
  readonly #definitions: TaskDefinitions;

  constructor(options: Pick<EcsFleetOptions, 'clients' | 'stack' | 'cluster' | 'baseTaskDefinition'>) {
    const { clients, stack, baseTaskDefinition: base } = options;
    this.#options = options;
    this.#definitions = new TaskDefinitions({ client: clients.patient, stack, base });
  }

  async listReplicators(limit: number): Promise<readonly FoundReplicator[]> {
    const { clients, cluster } = this.#options;
    const client = clients.patient;
    const found: FoundReplicator[] = [];
    for await (const { taskArns } of paginateListTasks({ client, pageSize: 100 }, { cluster })) {
      const tasks = await describeTasks(client, cluster, taskArns ?? []);
      found.push(...tasks.flatMap((task) => this.#ours(task) ?? []));
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  async listKept(limit: number): Promise<readonly Kept[]> {
    const families = await this.#definitions.families(limit);
    return families.flatMap((name) => {
      const incarnation = incarnationOf(this.#options.stack, name);
      if (incarnation === undefined) return [];
      return { name, incarnation, current: name === this.#definitions.familyOf(incarnation) };
    });
  }

  remove({ name }: Kept): Promise<boolean> {
    return this.#definitions.remove(name);
  }

  #ours(task: Task): FoundReplicator | undefined {
    const ids = idsOf(task);
    const family = /\/([^/:]+):\d+$/.exec(task.taskDefinitionArn ?? '')?.[1] ?? '';
    const isOurs = ids !== undefined && incarnationOf(this.#options.stack, family) === ids.incarnation;
    return isOurs && task.taskArn !== undefined ? { ...ids, handle: task.taskArn, kept: family } : undefined;
  }
}
