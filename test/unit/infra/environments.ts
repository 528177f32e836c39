import type { Template } from 'aws-cdk-lib/assertions';

/** What stands for a name that only AWS knows. */
export const ON_AWS = 'name-on-aws';

export type Environment = Readonly<Record<string, string>>;

/** The variables of each Lambda, by the end of its name. */
export function lambdaEnvironments(template: Template): ReadonlyMap<string, Environment> {
  return new Map(
    Object.values(template.findResources('AWS::Lambda::Function')).map(({ Properties }) => [
      String(Properties.FunctionName).split('-').at(-1) ?? '',
      Object.fromEntries(
        Object.entries(Properties.Environment.Variables as Record<string, unknown>).map(([key, value]) => [
          key,
          textOf(value),
        ]),
      ),
    ]),
  );
}

/** The variables of a replicator; `secrets` are the values behind its secrets, by variable. */
export function replicatorEnvironment(template: Template, secrets: Environment = {}): Environment {
  const [definition] = Object.values(template.findResources('AWS::ECS::TaskDefinition'));
  const { Environment, Secrets = [] } = definition!['Properties'].ContainerDefinitions[0] as {
    Environment: readonly { Name: string; Value: unknown }[];
    Secrets?: readonly { Name: string }[];
  };
  return Object.fromEntries([
    ...Environment.map(({ Name, Value }) => [Name, textOf(Value)]),
    ...Secrets.map(({ Name }) => [Name, secrets[Name]]),
  ]);
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const join = (value as { 'Fn::Join'?: readonly [string, readonly unknown[]] })['Fn::Join'];
  return join === undefined ? ON_AWS : join[1].map(textOf).join(join[0]);
}
