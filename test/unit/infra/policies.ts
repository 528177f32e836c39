import type { Template } from 'aws-cdk-lib/assertions';

export interface Statement {
  readonly effect: string;
  readonly actions: readonly string[];
  /** As cdk-nag writes them: what is known only on AWS stands in angle brackets. */
  readonly resources: readonly string[];
  readonly condition?: unknown;
}

interface Raw {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/** Every statement that a role of the stack has, by the logical id of the role. */
export function statementsByRole(template: Template): ReadonlyMap<string, readonly Statement[]> {
  const found = new Map<string, Statement[]>();
  for (const policy of Object.values(template.findResources('AWS::IAM::Policy'))) {
    const { PolicyDocument, Roles } = policy['Properties'] as {
      PolicyDocument: { Statement: readonly Raw[] };
      Roles: readonly { Ref: string }[];
    };
    for (const { Ref } of Roles) {
      found.set(Ref, [...(found.get(Ref) ?? []), ...PolicyDocument.Statement.map(read)]);
    }
  }
  return found;
}

/** The statements of the one role whose id begins so. */
export function statementsOf(template: Template, role: string): readonly Statement[] {
  const matching = [...statementsByRole(template)].filter(([id]) => id.startsWith(role));
  if (matching.length !== 1) throw new Error(`${matching.length} roles begin with ${role}`);
  return matching[0]![1];
}

function read({ Effect, Action, Resource, Condition }: Raw): Statement {
  return {
    effect: Effect,
    actions: typeof Action === 'string' ? [Action] : Action,
    resources: (Array.isArray(Resource) ? Resource : [Resource]).map(flat),
    ...(Condition !== undefined && { condition: Condition }),
  };
}

function flat(value: unknown): string {
  if (typeof value === 'string') return value;
  const {
    Ref,
    'Fn::GetAtt': attribute,
    'Fn::Join': join,
  } = value as {
    Ref?: string;
    'Fn::GetAtt'?: readonly [string, string];
    'Fn::Join'?: readonly [string, readonly unknown[]];
  };
  if (join !== undefined) return join[1].map(flat).join(join[0]);
  return `<${Ref ?? attribute?.join('.') ?? JSON.stringify(value)}>`;
}
