import type {
  ContainerDefinition,
  DeleteTaskDefinitionsCommandInput,
  DescribeTaskDefinitionCommandInput,
  ListTaskDefinitionFamiliesCommandInput,
  ListTaskDefinitionsCommandInput,
  RegisterTaskDefinitionCommandInput,
  Tag,
  TaskDefinition,
} from '@aws-sdk/client-ecs';
import { AwsError, checkTags, clientException, invalidParameter, page, require } from './aws-error.ts';

export interface StoredDefinition {
  readonly arn: string;
  readonly family: string;
  readonly revision: number;
  status: 'ACTIVE' | 'INACTIVE' | 'DELETE_IN_PROGRESS';
  readonly definition: TaskDefinition;
  readonly tags: readonly Tag[];
}

/** The task definitions of an account and region, with ECS's rules. */
export class Definitions {
  readonly #place: string;
  readonly #all: StoredDefinition[] = [];
  readonly #revisions = new Map<string, number>();

  constructor(place: { readonly region: string; readonly accountId: string }) {
    this.#place = `arn:aws:ecs:${place.region}:${place.accountId}:task-definition/`;
  }

  /** Takes in what was registered elsewhere, under its own ARN. */
  adopt(definition: TaskDefinition, tags: readonly Tag[] = []): void {
    const { taskDefinitionArn: arn = '', family = '', revision = 1 } = definition;
    this.#revisions.set(family, Math.max(revision, this.#revisions.get(family) ?? 0));
    this.#all.push({ arn, family, revision, status: 'ACTIVE', definition, tags });
  }

  register({ tags = [], ...input }: RegisterTaskDefinitionCommandInput): object {
    const family = input.family ?? '';
    require(/^[A-Za-z0-9_-]{1,255}$/.test(family), () => clientException(`Family is not valid: ${family}`));
    checkFargate(input);
    checkTags(tags);
    const revision = (this.#revisions.get(family) ?? 0) + 1;
    this.#revisions.set(family, revision);
    const arn = `${this.#place}${family}:${revision}`;
    const compatibilities = ['EC2' as const, 'FARGATE' as const];
    const taskDefinition: TaskDefinition = {
      ...input,
      family,
      revision,
      compatibilities,
      taskDefinitionArn: arn,
      registeredAt: new Date(),
      registeredBy: 'arn:aws:iam::123456789012:root',
    };
    this.#all.push({ arn, family, revision, status: 'ACTIVE', definition: taskDefinition, tags });
    return { taskDefinition: { ...taskDefinition, status: 'ACTIVE' }, tags };
  }

  describe({ taskDefinition, include = [] }: DescribeTaskDefinitionCommandInput): object {
    const found = this.find(taskDefinition ?? '');
    require(found !== undefined, () => clientException('Unable to describe task definition.'));
    const { definition, status, tags } = found;
    return {
      taskDefinition: { ...definition, status },
      ...(include.includes('TAGS') ? { tags } : {}),
    };
  }

  list(input: ListTaskDefinitionsCommandInput): object {
    const { familyPrefix, status = 'ACTIVE' } = input;
    const found = this.#all.filter(
      (d) => d.status === status && (familyPrefix === undefined || d.family === familyPrefix),
    );
    const { items, nextToken } = page(
      found.map(({ arn }) => arn),
      input,
    );
    return { taskDefinitionArns: items, nextToken };
  }

  listFamilies(input: ListTaskDefinitionFamiliesCommandInput): object {
    const { familyPrefix = '', status = 'ALL' } = input;
    const families = new Set(this.#all.map(({ family }) => family));
    const found = [...families].toSorted().filter((family) => {
      const active = this.#all.some((d) => d.family === family && d.status === 'ACTIVE');
      return family.startsWith(familyPrefix) && (status === 'ALL' || (status === 'ACTIVE') === active);
    });
    const { items, nextToken } = page(found, input);
    return { families: items, nextToken };
  }

  deregister({ taskDefinition = '' }: { readonly taskDefinition?: string | undefined }): object {
    const found = this.#exact(taskDefinition);
    require(found?.status === 'ACTIVE', () =>
      clientException('The specified task definition is inactive or does not exist.'));
    found.status = 'INACTIVE';
    return { taskDefinition: { ...found.definition, status: found.status } };
  }

  delete({ taskDefinitions = [] }: DeleteTaskDefinitionsCommandInput): object {
    require(taskDefinitions.length <= 10, () =>
      invalidParameter('You can specify up to 10 task definitions.'));
    const failures: object[] = [];
    const deleted: object[] = [];
    for (const name of taskDefinitions) {
      const found = this.#exact(name);
      if (found?.status !== 'INACTIVE') {
        failures.push({ arn: name, reason: found === undefined ? 'MISSING' : 'INVALID_STATUS' });
        continue;
      }
      found.status = 'DELETE_IN_PROGRESS';
      deleted.push({ ...found.definition, status: found.status });
    }
    return { taskDefinitions: deleted, failures };
  }

  /** By family (newest active revision), family and revision, or ARN. */
  find(name: string): StoredDefinition | undefined {
    return (
      this.#exact(name) ??
      this.#all.findLast((definition) => definition.family === name && definition.status === 'ACTIVE')
    );
  }

  /** ECS keeps what is being deleted until no task uses it. */
  forgetDeleted(isUsed: (arn: string) => boolean): void {
    for (const [at, { status, arn }] of [...this.#all.entries()].toReversed()) {
      if (status === 'DELETE_IN_PROGRESS' && !isUsed(arn)) this.#all.splice(at, 1);
    }
  }

  #exact(name: string): StoredDefinition | undefined {
    return this.#all.find(({ arn, family, revision }) => name === arn || name === `${family}:${revision}`);
  }
}

/** What Fargate asks of a task definition. */
function checkFargate(input: RegisterTaskDefinitionCommandInput): void {
  const containers = input.containerDefinitions ?? [];
  require(containers.length > 0, () => clientException('Container list cannot be empty.'));
  if (input.requiresCompatibilities?.includes('FARGATE') === true) {
    require(input.networkMode === 'awsvpc', () =>
      clientException('Fargate only supports network mode awsvpc.'));
    require(input.cpu !== undefined && input.memory !== undefined, () =>
      clientException('Fargate requires task definition to have cpu and memory.'));
  }
  for (const container of containers) checkContainer(container, input.executionRoleArn);
}

function checkContainer(container: ContainerDefinition, executionRole: string | undefined): void {
  const { name = '', image = '', environment = [], secrets = [], stopTimeout = 30 } = container;
  require(name !== '' && image !== '', () => clientException('Container.image and name must not be empty.'));
  require(stopTimeout <= 120, () => clientException('stopTimeout may be 120 seconds at most on Fargate.'));
  const names = [...environment, ...secrets].map((variable) => variable.name);
  require(new Set(names).size === names.length, () =>
    clientException('The secret name must be unique and not shared with any environment variable.'));
  const needsRole = secrets.length > 0 || container.logConfiguration?.logDriver === 'awslogs';
  require(!needsRole || executionRole !== undefined, () =>
    clientException('The task definition needs an execution role for its secrets or its log driver.'));
  for (const { valueFrom = '' } of secrets) {
    const inForm = /^arn:aws[a-z-]*:(secretsmanager|ssm):/.test(valueFrom);
    require(inForm, () => new AwsError('ClientException', `Invalid secret: ${valueFrom}`));
  }
}
