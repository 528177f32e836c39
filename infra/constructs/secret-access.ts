import { Stack } from 'aws-cdk-lib';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { TAGS } from '#shared/names.ts';
import { allow, arnOf, type Permission } from './allow.ts';

export interface SecretAccessProps {
  /** ARNs of the source's secrets. */
  readonly sourceSecrets: readonly string[];
  /** ARNs of KMS keys that encrypt the source's secrets, or secrets of users. */
  readonly keys: readonly string[];
}

/** Who may do what to secrets. Those of targets are made and removed by the control plane, under the name
 *  `<stack>/target-…`; users may keep their own and name them in a `create` when they carry the tag of this stack. The
 *  stack itself holds none. */
export class SecretAccess {
  readonly #stack: Stack;
  readonly #props: SecretAccessProps;
  readonly #own: { readonly toAny: string; readonly why: string };
  readonly #tagged: Permission['when'];

  constructor(scope: Construct, props: SecretAccessProps) {
    this.#stack = Stack.of(scope);
    this.#props = props;
    this.#own = {
      toAny: arnOf(scope, 'secretsmanager', `secret:${this.#stack.stackName}/target-*`),
      why: 'The secrets of this stack: one for each life of a task, named after it',
    };
    this.#tagged = { StringEquals: { [`aws:ResourceTag/${TAGS.stack}`]: this.#stack.stackName } };
  }

  /** To keep the credentials of new tasks, and to read what a `create` names, for its checks. */
  grantCreate(role: Role): void {
    allow(
      role,
      {
        actions: ['secretsmanager:CreateSecret', 'secretsmanager:TagResource'],
        ...this.#own,
        when: { StringEquals: { [`aws:RequestTag/${TAGS.stack}`]: this.#stack.stackName } },
      },
      { actions: ['secretsmanager:PutSecretValue'], ...this.#own, when: this.#tagged },
    );
    this.grantRead(role, ['secretsmanager:DescribeSecret']);
  }

  /** To remove the credentials of tasks that are gone. */
  grantRemove(role: Role): void {
    allow(
      role,
      { actions: ['secretsmanager:DeleteSecret'], ...this.#own, when: this.#tagged },
      {
        actions: ['secretsmanager:ListSecrets'],
        toAny: '*',
        why: 'ListSecrets takes no resource; it shows names and tags, and no value',
      },
    );
  }

  /** To read what the operator named, and what users may name. */
  grantRead(role: Role, more: readonly string[] = []): void {
    allow(role, {
      actions: [READ, ...more],
      toAny: arnOf(this.#stack, 'secretsmanager', 'secret:*'),
      why: 'Users name their own secrets; the condition lets only those through that carry the tag of this stack',
      when: this.#tagged,
    });
    this.grantReadSource(role);
  }

  /** To read what the operator named. */
  grantReadSource(role: Role): void {
    const { sourceSecrets, keys } = this.#props;
    if (sourceSecrets.length > 0) allow(role, { actions: [READ], to: sourceSecrets });
    if (keys.length > 0) {
      const { region, urlSuffix } = this.#stack;
      const when = { StringEquals: { 'kms:ViaService': `secretsmanager.${region}.${urlSuffix}` } };
      allow(role, { actions: ['kms:Decrypt'], to: keys, when });
    }
  }
}

const READ = 'secretsmanager:GetSecretValue';
