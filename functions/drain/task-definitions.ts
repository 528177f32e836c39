import {
  DeleteTaskDefinitionsCommand,
  DeregisterTaskDefinitionCommand,
  type ECSClient,
  paginateListTaskDefinitionFamilies,
  paginateListTaskDefinitions,
} from '@aws-sdk/client-ecs';
import type { Leftovers } from './ports.ts';

/** The task definitions that the control plane registered, one family for each life of a task and release:
 *  `<stack>-<incarnation>-<release>`. The stack's own (`<stack>-replicator`) are the stack's business. */
export class TaskDefinitions implements Leftovers {
  readonly name = 'task definitions';
  readonly #client: ECSClient;
  readonly #stack: string;

  constructor(client: ECSClient, stack: string) {
    this.#client = client;
    this.#stack = stack;
  }

  /** ARNs of every revision, also of those that were deregistered and not deleted. */
  async list(): Promise<readonly string[]> {
    const arns: string[] = [];
    for (const status of ['ACTIVE', 'INACTIVE'] as const) {
      const familyPrefix = `${this.#stack}-`;
      const pages = paginateListTaskDefinitionFamilies({ client: this.#client }, { familyPrefix, status });
      for await (const { families = [] } of pages) {
        for (const family of families.filter((name) => this.#isOurs(name))) {
          arns.push(...(await this.#revisions(family, status)));
        }
      }
    }
    return [...new Set(arns)];
  }

  /** Only what is deregistered can be deleted. */
  async remove(arn: string): Promise<void> {
    try {
      await this.#client.send(new DeregisterTaskDefinitionCommand({ taskDefinition: arn }));
    } catch (error) {
      if (!isInactive(error)) throw error;
    }
    const { failures = [] } = await this.#client.send(
      new DeleteTaskDefinitionsCommand({ taskDefinitions: [arn] }),
    );
    const [failure] = failures;
    if (failure !== undefined)
      throw new Error(`${arn} cannot be deleted: ${failure.reason ?? 'no reason given'}`);
  }

  /** A family is active as long as one of its revisions is. */
  async #revisions(family: string, ofFamily: 'ACTIVE' | 'INACTIVE'): Promise<readonly string[]> {
    const arns: string[] = [];
    for (const status of ofFamily === 'ACTIVE' ? (['ACTIVE', 'INACTIVE'] as const) : [ofFamily]) {
      const pages = paginateListTaskDefinitions({ client: this.#client }, { familyPrefix: family, status });
      for await (const { taskDefinitionArns = [] } of pages) arns.push(...taskDefinitionArns);
    }
    return arns;
  }

  /** The name of another stack may begin with this one's. */
  #isOurs(family: string): boolean {
    const prefix = `${this.#stack}-`;
    return family.startsWith(prefix) && /^[0-9a-f]{32}-[0-9a-f]{8}$/.test(family.slice(prefix.length));
  }
}

/** Deregistered before, by us or by a sweep. */
function isInactive(error: unknown): boolean {
  return error instanceof Error && /^(?:Client|InvalidParameter)Exception$/.test(error.name);
}
