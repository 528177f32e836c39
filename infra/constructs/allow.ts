import { Stack, Validations } from 'aws-cdk-lib';
import { Effect, type IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';

interface Common {
  readonly actions: readonly string[];
  readonly when?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
  /** @default Effect.ALLOW */
  readonly effect?: Effect | undefined;
}

/** What a role may do, and to what. Where that cannot be named one by one, there is a sentence that says why. */
export type Permission = Common &
  (
    | { /** ARNs. */ readonly to: readonly string[] }
    | { /** ARN with `*` or `?`, or just `*`. */ readonly toAny: string; readonly why: string }
  );

/** Adds a statement to the role's policy; the reason of an open one is kept where AWS's own rules look for it. */
export function allow(role: IRole & IConstruct, ...permissions: readonly Permission[]): void {
  for (const permission of permissions) {
    const resources = 'toAny' in permission ? [permission.toAny] : [...permission.to];
    role.addToPrincipalPolicy(
      new PolicyStatement({
        actions: [...permission.actions],
        resources,
        effect: permission.effect ?? Effect.ALLOW,
        ...(permission.when && { conditions: permission.when }),
      }),
    );
    if ('toAny' in permission) explain(role, permission.toAny, permission.why);
  }
}

/** Tells cdk-nag why a policy of the role has a resource with a wildcard. */
export function explain(role: IRole & IConstruct, resource: string, why: string): void {
  const resolved: unknown = Stack.of(role).resolve(resource);
  const id = `AwsSolutions-IAM5[Resource::${typeof resolved === 'string' ? resolved : flat(resolved as Join)}]`;
  Validations.of(role).acknowledge({ id, reason: why });
}

/** An ARN of this account and region. */
export function arnOf(scope: IConstruct, service: string, resource: string): string {
  const { partition, region, account } = Stack.of(scope);
  return `arn:${partition}:${service}:${region}:${account}:${resource}`;
}

interface Join {
  readonly 'Fn::Join': readonly [string, readonly (string | { readonly Ref: string })[]];
}

/** As cdk-nag writes what is known only on AWS. */
function flat({ 'Fn::Join': [between, parts] }: Join): string {
  return parts.map((part) => (typeof part === 'string' ? part : `<${part.Ref}>`)).join(between);
}
