import { Stack } from 'aws-cdk-lib';
import { type IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { TAGS } from '#shared/names.ts';

/** Secrets that the operator named; the stack makes none. */
export interface SecretAccessProps {
  /** ARNs of the source's secrets. */
  readonly sourceSecrets: readonly string[];
  /** ARNs of KMS keys that encrypt the source's secrets, or secrets of users. */
  readonly keys: readonly string[];
}

/** Who may do what to secrets. Those of targets are made and removed by the control plane, under the name
 *  `<stack>/target-…`; users may keep their own and name them in a `create` when they carry the tag of this stack. */
export class SecretAccess {
  readonly #stack: Stack;
  readonly #props: SecretAccessProps;

  constructor(scope: Construct, props: SecretAccessProps) {
    this.#stack = Stack.of(scope);
    this.#props = props;
  }

  /** To keep the credentials of new tasks, and to read what a create names, for its checks. */
  grantCreate(role: IRole): void {
    const own = this.#secrets(`${this.#stack.stackName}/target-*`);
    add(role, ['secretsmanager:CreateSecret', 'secretsmanager:TagResource'], own, {
      StringEquals: { [`aws:RequestTag/${TAGS.stack}`]: this.#stack.stackName },
    });
    add(role, ['secretsmanager:PutSecretValue'], own, this.#tagged());
    add(role, ['secretsmanager:DescribeSecret'], this.#secrets('*'), this.#tagged());
    this.grantRead(role);
  }

  /** To remove the credentials of tasks that are gone. */
  grantRemove(role: IRole): void {
    const own = this.#secrets(`${this.#stack.stackName}/target-*`);
    add(role, ['secretsmanager:DeleteSecret'], own, this.#tagged());
    // Takes no narrower resource. It shows names and tags, and no value.
    add(role, ['secretsmanager:ListSecrets'], ['*']);
  }

  /** To read the source's secrets and those that carry this stack's tag. */
  grantRead(role: IRole): void {
    const { sourceSecrets, keys } = this.#props;
    const read = ['secretsmanager:GetSecretValue'];
    add(role, read, this.#secrets('*'), this.#tagged());
    if (sourceSecrets.length > 0) add(role, read, sourceSecrets);
    if (keys.length > 0) {
      add(role, ['kms:Decrypt'], keys, {
        StringEquals: { 'kms:ViaService': `secretsmanager.${this.#stack.region}.${this.#stack.urlSuffix}` },
      });
    }
  }

  #secrets(name: string): readonly string[] {
    const { partition, region, account } = this.#stack;
    return [`arn:${partition}:secretsmanager:${region}:${account}:secret:${name}`];
  }

  #tagged(): Conditions {
    return { StringEquals: { [`aws:ResourceTag/${TAGS.stack}`]: this.#stack.stackName } };
  }
}

type Conditions = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

function add(role: IRole, actions: string[], resources: readonly string[], conditions?: Conditions): void {
  role.addToPrincipalPolicy(
    new PolicyStatement({ actions, resources: [...resources], ...(conditions && { conditions }) }),
  );
}
