import type { RunTaskCommandInput } from '@aws-sdk/client-ecs';
import { checkTags, clientException, invalidParameter, require } from './aws-error.ts';
import type { StoredDefinition } from './definitions.ts';

/** What ECS asks of a RunTask on Fargate. */
export function checkRunTask(input: RunTaskCommandInput, definition: StoredDefinition | undefined): void {
  require(definition !== undefined, () => clientException('TaskDefinition not found.'));
  require(definition.status === 'ACTIVE', () => clientException('TaskDefinition is inactive'));
  const { count = 1, clientToken = '', startedBy = '', tags = [] } = input;
  require(count >= 1 && count <= 10, () => invalidParameter('count must be between 1 and 10.'));
  require(/^[\x21-\x7e]{0,64}$/.test(clientToken), () => invalidParameter('clientToken is not valid.'));
  require(/^[A-Za-z0-9/_-]{0,128}$/.test(startedBy), () => invalidParameter('startedBy is not valid.'));
  require(input.propagateTags !== 'SERVICE', () => invalidParameter('SERVICE cannot be propagated here.'));
  checkTags(tags);
  checkPlace(input);
  checkOverrides(input, definition);
}

function checkPlace({ launchType, capacityProviderStrategy: strategy, ...input }: RunTaskCommandInput): void {
  require((launchType === undefined) !== (strategy === undefined), () =>
    invalidParameter('Either a launch type or a capacity provider strategy has to be given.'));
  const providers = strategy?.map(({ capacityProvider }) => capacityProvider) ?? [];
  const known = providers.every((name) => name === 'FARGATE' || name === 'FARGATE_SPOT');
  require(known, () => invalidParameter('The specified capacity provider was not found.'));
  const { subnets = [], securityGroups = [] } = input.networkConfiguration?.awsvpcConfiguration ?? {};
  require(subnets.length >= 1 && subnets.length <= 16, () => invalidParameter('subnets can have 1 to 16.'));
  require(securityGroups.length <= 5, () => invalidParameter('securityGroups can have 5 at most.'));
}

function checkOverrides({ overrides = {} }: RunTaskCommandInput, { definition }: StoredDefinition): void {
  require(JSON.stringify(overrides).length <= 8_192, () => invalidParameter('overrides are too long.'));
  const names = definition.containerDefinitions?.map(({ name }) => name) ?? [];
  for (const { name } of overrides.containerOverrides ?? []) {
    require(names.includes(name), () =>
      clientException(`Override for container named ${name} is not a container in the TaskDefinition.`));
  }
}
