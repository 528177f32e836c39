import {
  type ContainerDefinition,
  DeleteTaskDefinitionsCommand,
  DeregisterTaskDefinitionCommand,
  DescribeTaskDefinitionCommand,
  type ECSClient,
  paginateListTaskDefinitionFamilies,
  paginateListTaskDefinitions,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  type Secret,
  type Tag,
  type TaskDefinition,
} from '@aws-sdk/client-ecs';
import { REPLICATOR_SECRETS, TAGS } from '../../names.ts';
import type { StartOrder } from '../fleet.ts';
import { familyOf, incarnationOf, logPrefixOf, tagValueOf } from './ecs-names.ts';
import { isRefusal } from './refusal.ts';

export interface TaskDefinitionsOptions {
  readonly client: ECSClient;
  readonly stack: string;
  /** ARN of the stack's task definition, revision included. Nobody runs it; each task's own is a copy of it. */
  readonly base: string;
}

/** What RunTask needs to know of a task definition. */
export interface Definition {
  readonly arn: string;
  /** The container that is the replicator. */
  readonly container: string;
}

interface Base {
  readonly definition: TaskDefinition;
  readonly tags: readonly Tag[];
}

/** ECS deletes so many at once. */
const DELETED_AT_ONCE = 10;

/** The task definitions of the replicators: one family per life of a task and release. A task's own adds to the stack's
 *  what RunTask cannot give or must not show: the task's secrets, the prefix of its log, its tags. */
export class TaskDefinitions {
  readonly #client: ECSClient;
  readonly #stack: string;
  readonly #baseArn: string;
  #base: Promise<Base> | undefined;
  readonly #underWay = new Map<string, Promise<Definition>>();

  constructor({ client, stack, base }: TaskDefinitionsOptions) {
    this.#client = client;
    this.#stack = stack;
    this.#baseArn = base;
  }

  familyOf(incarnation: string): string {
    return familyOf(this.#stack, incarnation, this.#baseArn);
  }

  /** Finds the task definition for an order, or registers it. Fails as ECS does. */
  ensure(order: StartOrder): Promise<Definition> {
    const family = this.familyOf(order.incarnation);
    const known = this.#underWay.get(family);
    if (known !== undefined) return known;
    const work = this.#findOrRegister(family, order).finally(() => this.#underWay.delete(family));
    this.#underWay.set(family, work);
    return work;
  }

  /** The families of this stack, those of other releases and of lives that are gone included; `limit` at most. */
  async families(limit: number, incarnation = ''): Promise<readonly string[]> {
    const familyPrefix = `${this.#stack}-${incarnation}`;
    const found: string[] = [];
    for await (const page of paginateListTaskDefinitionFamilies({ client: this.#client }, { familyPrefix })) {
      found.push(
        ...(page.families ?? []).filter((family) => incarnationOf(this.#stack, family) !== undefined),
      );
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  /** Removes a family. What still runs of it runs on, and as long as it does ECS may show the family. Answers whether
   *  there was anything left to remove. */
  async remove(family: string): Promise<boolean> {
    const active = await this.#revisions(family, 'ACTIVE');
    for (const taskDefinition of active) {
      await this.#client.send(new DeregisterTaskDefinitionCommand({ taskDefinition }));
    }
    const all = [...new Set([...active, ...(await this.#revisions(family, 'INACTIVE'))])];
    for (let at = 0; at < all.length; at += DELETED_AT_ONCE) {
      const taskDefinitions = all.slice(at, at + DELETED_AT_ONCE);
      const { failures } = await this.#client.send(new DeleteTaskDefinitionsCommand({ taskDefinitions }));
      const failure = failures?.[0];
      if (failure !== undefined) {
        throw new Error(
          `ECS does not delete ${failure.arn ?? family}: ${failure.reason ?? 'no reason given'}`,
        );
      }
    }
    return all.length > 0;
  }

  async #revisions(family: string, status: 'ACTIVE' | 'INACTIVE'): Promise<readonly string[]> {
    const found: string[] = [];
    const pages = paginateListTaskDefinitions({ client: this.#client }, { familyPrefix: family, status });
    for await (const page of pages) found.push(...(page.taskDefinitionArns ?? []));
    return found;
  }

  async #findOrRegister(family: string, order: StartOrder): Promise<Definition> {
    return (await this.#find(family)) ?? this.#register(family, order);
  }

  async #find(family: string): Promise<Definition | undefined> {
    try {
      const { taskDefinition } = await this.#client.send(
        new DescribeTaskDefinitionCommand({ taskDefinition: family }),
      );
      return taskDefinition && toDefinition(taskDefinition);
    } catch (error) {
      // ECS has no name of its own for "there is none".
      if (isRefusal(error) && error.name === 'ClientException') return undefined;
      throw error;
    }
  }

  async #register(family: string, order: StartOrder): Promise<Definition> {
    const base = await this.#readBase();
    const tags = this.#tags(order, base.tags);
    const command = new RegisterTaskDefinitionCommand({ ...copyFor(order, base.definition), family, tags });
    const { taskDefinition } = await this.#client.send(command);
    if (taskDefinition === undefined) throw new Error('ECS answered RegisterTaskDefinition with nothing');
    return toDefinition(taskDefinition);
  }

  /** Read once: a revision never changes. */
  async #readBase(): Promise<Base> {
    this.#base ??= this.#describeBase();
    try {
      return await this.#base;
    } catch (error) {
      this.#base = undefined;
      throw error;
    }
  }

  async #describeBase(): Promise<Base> {
    const command = new DescribeTaskDefinitionCommand({ taskDefinition: this.#baseArn, include: ['TAGS'] });
    const { taskDefinition, tags } = await this.#client.send(command);
    if (taskDefinition === undefined) throw new Error('ECS answered DescribeTaskDefinition with nothing');
    return { definition: taskDefinition, tags: tags ?? [] };
  }

  /** The stack's own tags stay, for those who account costs by them. */
  #tags(order: StartOrder, ofStack: readonly Tag[]): Tag[] {
    const own = {
      [TAGS.stack]: this.#stack,
      [TAGS.task]: tagValueOf(order.taskId),
      [TAGS.incarnation]: order.incarnation,
      [TAGS.release]: this.#baseArn,
    };
    const kept = ofStack.filter(({ key = '' }) => !key.startsWith('aws:') && !Object.hasOwn(own, key));
    return [...kept, ...Object.entries(own).map(([key, value]) => ({ key, value }))];
  }
}

/** Everything of a task definition but what ECS adds to it. */
function copyFor(
  order: StartOrder,
  base: TaskDefinition,
): Omit<RegisterTaskDefinitionCommandInput, 'family'> {
  const [replicator, ...others] = base.containerDefinitions ?? [];
  return {
    containerDefinitions: [containerFor(order, replicator), ...others],
    taskRoleArn: base.taskRoleArn,
    executionRoleArn: base.executionRoleArn,
    networkMode: base.networkMode,
    volumes: base.volumes,
    placementConstraints: base.placementConstraints,
    requiresCompatibilities: base.requiresCompatibilities,
    cpu: base.cpu,
    memory: base.memory,
    pidMode: base.pidMode,
    ipcMode: base.ipcMode,
    proxyConfiguration: base.proxyConfiguration,
    ephemeralStorage: base.ephemeralStorage,
    runtimePlatform: base.runtimePlatform,
    enableFaultInjection: base.enableFaultInjection,
  };
}

/** The first container is the replicator. */
function containerFor(order: StartOrder, base: ContainerDefinition | undefined): ContainerDefinition {
  const log = base?.logConfiguration;
  const prefixed = { 'awslogs-stream-prefix': logPrefixOf(order.taskId) };
  return {
    ...base,
    secrets: [...(base?.secrets ?? []), ...secretsFor(order)],
    ...(log?.logDriver === 'awslogs'
      ? { logConfiguration: { ...log, options: { ...log.options, ...prefixed } } }
      : {}),
  };
}

function secretsFor({ secretRef, userSecrets }: StartOrder): Secret[] {
  const secrets: readonly (readonly [string, string | undefined])[] = [
    [REPLICATOR_SECRETS.target, secretRef],
    [REPLICATOR_SECRETS.targetToken, userSecrets?.token],
    [REPLICATOR_SECRETS.targetPassword, userSecrets?.password],
    [REPLICATOR_SECRETS.targetKey, userSecrets?.clientKeyPem],
  ];
  return secrets.flatMap(([name, valueFrom]) => (valueFrom === undefined ? [] : [{ name, valueFrom }]));
}

function toDefinition({ taskDefinitionArn, containerDefinitions }: TaskDefinition): Definition {
  const container = containerDefinitions?.[0]?.name;
  if (taskDefinitionArn === undefined || container === undefined) {
    throw new Error('ECS described a task definition without an ARN or without a container');
  }
  return { arn: taskDefinitionArn, container };
}
