import {
  ConflictException,
  DescribeTasksCommand,
  InvalidParameterException,
  ListTasksCommand,
  RunTaskCommand,
  type RunTaskCommandOutput,
  StopTaskCommand,
} from '@aws-sdk/client-ecs';
import { type Fleet, NotPlacedError, type ReplicatorState, type StartOrder } from '../fleet.ts';
import type { EcsClients } from './ecs-client.ts';
import { clientTokenOf } from './ecs-names.ts';
import { describeTasks, environmentOf, idsOf } from './ecs-tasks.ts';
import { failureSentence, isRefusal, notPlaced } from './refusal.ts';
import { replicatorState } from './replicator-state.ts';
import { type Definition, TaskDefinitions } from './task-definitions.ts';

export interface EcsFleetOptions {
  readonly clients: EcsClients;
  /** Name of the stack; what is made in ECS begins with it. */
  readonly stack: string;
  /** Name or ARN. */
  readonly cluster: string;
  /** ARN of the task definition that the stack deployed, revision included. */
  readonly baseTaskDefinition: string;
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  readonly assignPublicIp: boolean;
  /** Fargate Spot instead of on demand. */
  readonly spot: boolean;
}

const REASONS = {
  drain: 'the control plane asks it to drain and stop',
  kill: 'the control plane ends it: it hangs, or nobody needs it any more',
} as const;

/** The {@link Fleet} on AWS: each replicator is an ECS task on Fargate, its handle the task's ARN.
 *  ECS ends a task in one way only, so `kill` is the same as `drain`: SIGTERM, and SIGKILL when the container's
 *  `stopTimeout` is over. A replicator that is killed and still can, drains.
 *  That an order is not carried out twice is kept by ECS (client token), and, for what the token is too short-lived for,
 *  by looking first. */
export class EcsFleet implements Fleet {
  /** What is started runs this. */
  readonly release: string;
  readonly #options: EcsFleetOptions;
  readonly #definitions: TaskDefinitions;

  constructor(options: EcsFleetOptions) {
    const { clients, stack, baseTaskDefinition: base } = options;
    this.#options = options;
    this.release = base;
    this.#definitions = new TaskDefinitions({ client: clients.patient, stack, base });
  }

  async start(order: StartOrder): Promise<string> {
    let definition: Definition;
    try {
      const known = await this.#find(order);
      if (known !== undefined) return known;
      definition = await this.#definitions.ensure(order);
    } catch (error) {
      // Whatever it was, nothing was started.
      throw notPlaced(error);
    }
    return this.#run(order, definition);
  }

  async stop(handle: string, how: 'drain' | 'kill' = 'drain'): Promise<void> {
    if (!isTaskArn(handle)) return;
    const { clients, cluster } = this.#options;
    try {
      await clients.patient.send(new StopTaskCommand({ cluster, task: handle, reason: REASONS[how] }));
    } catch (error) {
      // ECS does not know it (any more).
      if (!(error instanceof InvalidParameterException)) throw error;
    }
  }

  async describe(handle: string): Promise<ReplicatorState> {
    if (!isTaskArn(handle)) return { kind: 'missing' };
    const { clients, cluster } = this.#options;
    try {
      const command = new DescribeTasksCommand({ cluster, tasks: [handle] });
      const { tasks, failures } = await clients.patient.send(command);
      const task = tasks?.[0];
      if (task !== undefined) return replicatorState(task);
      const reason = failures?.[0]?.reason;
      if (reason === 'MISSING') return { kind: 'missing' };
      throw new Error(`ECS does not describe the task: ${reason ?? 'no reason given'}`);
    } catch (error) {
      // A task of another cluster: this one replaced it.
      if (error instanceof InvalidParameterException) return { kind: 'missing' };
      throw error;
    }
  }

  async retire(incarnation: string): Promise<void> {
    const families = await this.#definitions.families(Number.POSITIVE_INFINITY, incarnation);
    for (const family of families) await this.#definitions.remove(family);
  }

  /** The task of an order that was given before. ECS shows what has stopped for an hour. */
  async #find({ incarnation, generation }: StartOrder): Promise<string | undefined> {
    const family = this.#definitions.familyOf(incarnation);
    const [running, stopped] = await Promise.all([
      // ECS takes no second filter beside this one.
      this.#list({ startedBy: incarnation }),
      this.#list({ family, desiredStatus: 'STOPPED' }),
    ]);
    const { clients, cluster } = this.#options;
    const tasks = await describeTasks(clients.patient, cluster, [...running, ...stopped]);
    return tasks.find((task) => {
      const ids = idsOf(task);
      return ids?.incarnation === incarnation && ids.generation === generation;
    })?.taskArn;
  }

  /** One page: a life of a task has not so many replicators. */
  async #list(
    filter: { readonly startedBy: string } | { readonly family: string; readonly desiredStatus: 'STOPPED' },
  ): Promise<readonly string[]> {
    const { clients, cluster } = this.#options;
    const { taskArns } = await clients.patient.send(new ListTasksCommand({ cluster, ...filter }));
    return taskArns ?? [];
  }

  async #run(order: StartOrder, definition: Definition): Promise<string> {
    let answer: RunTaskCommandOutput;
    try {
      answer = await this.#options.clients.once.send(this.#runCommand(order, definition));
    } catch (error) {
      // The same order under another release, or two at once: what was started first stands.
      const started = error instanceof ConflictException ? error.resourceIds?.[0] : undefined;
      if (started !== undefined) return started;
      throw isRefusal(error) && !(error instanceof ConflictException) ? notPlaced(error) : error;
    }
    const { tasks, failures } = answer;
    const started = tasks?.[0]?.taskArn;
    if (started !== undefined) return started;
    const failure = failures?.[0];
    if (failure !== undefined) throw new NotPlacedError(failureSentence(failure));
    throw new Error('ECS answered RunTask with neither a task nor a failure');
  }

  #runCommand(order: StartOrder, { arn, container }: Definition): RunTaskCommand {
    const { cluster, subnets, securityGroups, assignPublicIp, spot } = this.#options;
    return new RunTaskCommand({
      cluster,
      taskDefinition: arn,
      count: 1,
      clientToken: clientTokenOf(order.incarnation, order.generation),
      startedBy: order.incarnation,
      ...(spot
        ? { capacityProviderStrategy: [{ capacityProvider: 'FARGATE_SPOT', weight: 1 }] }
        : { launchType: 'FARGATE' }),
      networkConfiguration: {
        awsvpcConfiguration: {
          subnets: [...subnets],
          securityGroups: [...securityGroups],
          assignPublicIp: assignPublicIp ? 'ENABLED' : 'DISABLED',
        },
      },
      overrides: { containerOverrides: [{ name: container, environment: environmentOf(order) }] },
      enableECSManagedTags: true,
      propagateTags: 'TASK_DEFINITION',
    });
  }
}

function isTaskArn(handle: string): boolean {
  return /^arn:[a-z0-9-]+:ecs:[a-z0-9-]+:\d{12}:task\/\S+$/.test(handle);
}
