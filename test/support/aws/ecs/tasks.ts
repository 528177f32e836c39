import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type {
  DescribeTasksCommandInput,
  HealthStatus,
  ListTasksCommandInput,
  RunTaskCommandInput,
  StopTaskCommandInput,
  Task,
} from '@aws-sdk/client-ecs';
import { AwsError, clientException, invalidParameter, page, require } from './aws-error.ts';
import type { Definitions, StoredDefinition } from './definitions.ts';
import { checkRunTask } from './run-task-rules.ts';
import { RunningTask, type TaskHost } from './running-task.ts';

export interface TasksOptions {
  readonly definitions: Definitions;
  readonly host: TaskHost;
  readonly region: string;
  readonly accountId: string;
  /** How long a stopped task is still described. */
  readonly stoppedForMs: number;
}

/** The tasks of an account and region, with ECS's rules. */
export class Tasks {
  readonly #options: TasksOptions;
  readonly #all = new Map<string, RunningTask>();
  readonly #orders = new Map<string, { readonly input: object; readonly arns: readonly string[] }>();

  constructor(options: TasksOptions) {
    this.#options = options;
  }

  get all(): readonly RunningTask[] {
    return [...this.#all.values()];
  }

  get(arn: string): RunningTask {
    const task = this.#all.get(arn);
    if (task === undefined) throw new Error(`there is no task ${arn}`);
    return task;
  }

  run({ clientToken, ...input }: RunTaskCommandInput): object {
    const cluster = clusterName(input.cluster);
    const key = `${cluster} ${clientToken}`;
    const before = clientToken === undefined ? undefined : this.#orders.get(key);
    if (before !== undefined) {
      require(isDeepStrictEqual(before.input, input), () => {
        const extra = { resourceIds: before.arns };
        return new AwsError('ConflictException', 'The client token is in use.', { extra });
      });
      return { tasks: before.arns.flatMap((arn) => this.#all.get(arn)?.task ?? []), failures: [] };
    }
    const definition = this.#options.definitions.find(input.taskDefinition ?? '');
    checkRunTask({ clientToken, ...input }, definition);
    const tasks = Array.from({ length: input.count ?? 1 }, () => this.#start(cluster, input, definition));
    if (clientToken !== undefined) {
      this.#orders.set(key, { input, arns: tasks.map(({ arn }) => arn) });
    }
    return { tasks: tasks.map(({ task }) => task), failures: [] };
  }

  stop({ cluster, task: id = '', reason }: StopTaskCommandInput): object {
    const task = this.#find(cluster, id);
    require(task !== undefined, () => invalidParameter('The referenced task was not found.'));
    task.stop('UserInitiated', reason ?? 'Task stopped by user');
    return { task: task.task };
  }

  describe({ cluster, tasks: ids = [], include = [] }: DescribeTasksCommandInput): object {
    require(ids.length >= 1 && ids.length <= 100, () => invalidParameter('Tasks can be 1 to 100.'));
    const failures: object[] = [];
    const tasks: Task[] = [];
    for (const id of ids) {
      const found = this.#find(cluster, id);
      if (found === undefined) failures.push({ arn: id, reason: 'MISSING' });
      else tasks.push(include.includes('TAGS') ? found.task : { ...found.task, tags: [] });
    }
    return { tasks, failures };
  }

  list(input: ListTasksCommandInput): object {
    const { cluster, startedBy, family, desiredStatus = 'RUNNING' } = input;
    const others = [
      family,
      input.desiredStatus,
      input.serviceName,
      input.containerInstance,
      input.launchType,
    ];
    require(startedBy === undefined || others.every((filter) => filter === undefined), () =>
      invalidParameter('When you specify startedBy as the filter, it must be the only filter that you use.'));
    this.#forgetOld();
    const found = this.all.filter(
      ({ task, family: own }) =>
        task.clusterArn?.endsWith(`/${clusterName(cluster)}`) === true &&
        task.desiredStatus === desiredStatus &&
        (startedBy === undefined || task.startedBy === startedBy) &&
        (family === undefined || own === family),
    );
    const { items, nextToken } = page(
      found.map(({ arn }) => arn),
      input,
    );
    return { taskArns: items, nextToken };
  }

  /** For tests of what follows from it. */
  setHealth(arn: string, health: HealthStatus): void {
    this.get(arn).setHealth(health);
  }

  uses(definitionArn: string): boolean {
    return this.all.some(
      ({ task }) => task.lastStatus !== 'STOPPED' && task.taskDefinitionArn === definitionArn,
    );
  }

  #start(cluster: string, input: RunTaskCommandInput, definition: StoredDefinition | undefined): RunningTask {
    if (definition === undefined) throw clientException('TaskDefinition not found.');
    const { region, accountId, host } = this.#options;
    const place = `arn:aws:ecs:${region}:${accountId}`;
    const id = randomUUID().replaceAll('-', '');
    const task = new RunningTask({ place, cluster, id, input, definition, host });
    this.#all.set(task.arn, task);
    task.begin();
    return task;
  }

  #find(cluster: string | undefined, id: string): RunningTask | undefined {
    this.#forgetOld();
    const bare = id.split('/').at(-1) ?? '';
    const form = /^(arn:[^:]+:ecs:[^:]+:\d{12}:task\/([^/]+)\/)?[0-9a-f-]{32,36}$/.exec(id);
    require(form !== null, () => invalidParameter(`Invalid identifier: ${id}`));
    const named = form[2];
    require(named === undefined || named === clusterName(cluster), () =>
      invalidParameter(`Identifier is for ${named}. Your cluster is ${clusterName(cluster)}`));
    return this.all.find(({ arn }) => arn.endsWith(`/${clusterName(cluster)}/${bare}`));
  }

  #forgetOld(): void {
    for (const [arn, { task }] of this.#all) {
      const stopped = task.stoppedAt?.getTime() ?? Number.POSITIVE_INFINITY;
      if (task.lastStatus === 'STOPPED' && Date.now() - stopped > this.#options.stoppedForMs) {
        this.#all.delete(arn);
      }
    }
  }
}

/** The name, of a name or an ARN. */
function clusterName(cluster = 'default'): string {
  return cluster.split('/').at(-1) ?? cluster;
}
