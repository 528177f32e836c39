import {
  CreateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  paginateListSecrets,
  type SecretListEntry,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { TAGS } from '../names.ts';
import type { SecretInventory, StoredSecret } from './secret-inventory.ts';
import type { SecretStore, TargetSecret } from './secret-store.ts';
import { isAnswer, toUnavailable } from './secrets-manager.ts';
import { formatTargetSecret, parseTargetSecret } from './target-secret.ts';

export interface SecretsManagerStoreOptions {
  readonly client: SecretsManagerClient;
  /** Every secret's name begins with it. */
  readonly stack: string;
}

/** The {@link SecretStore} on AWS: one secret per life of a task, `<stack>/target-<incarnation>`, tagged with the stack.
 *  What it is known by is its ARN, because that is what ECS takes to hand it to a replicator. */
export class SecretsManagerStore implements SecretStore, SecretInventory {
  readonly #client: SecretsManagerClient;
  readonly #stack: string;
  readonly #prefix: string;

  constructor({ client, stack }: SecretsManagerStoreOptions) {
    this.#client = client;
    this.#stack = stack;
    this.#prefix = `${stack}/target-`;
  }

  async put(incarnation: string, secret: TargetSecret): Promise<string> {
    const SecretString = formatTargetSecret(secret);
    try {
      const { ARN } = await this.#create(incarnation, SecretString);
      return known(ARN);
    } catch (error) {
      // Its first answer may have been lost.
      if (!isAnswer(error, 'ResourceExistsException')) throw toUnavailable(error);
    }
    try {
      const SecretId = `${this.#prefix}${incarnation}`;
      const { ARN } = await this.#client.send(new PutSecretValueCommand({ SecretId, SecretString }));
      return known(ARN);
    } catch (error) {
      throw toUnavailable(error);
    }
  }

  async get(ref: string): Promise<TargetSecret | undefined> {
    let text: string | undefined;
    try {
      ({ SecretString: text } = await this.#client.send(new GetSecretValueCommand({ SecretId: ref })));
    } catch (error) {
      if (isGone(error)) return undefined;
      throw toUnavailable(error);
    }
    return parseTargetSecret(text ?? '', `secret ${ref}`);
  }

  /** At once and for good: nothing can be done with the credentials of a task that is gone. */
  async delete(ref: string): Promise<void> {
    try {
      await this.#client.send(new DeleteSecretCommand({ SecretId: ref, ForceDeleteWithoutRecovery: true }));
    } catch (error) {
      if (!isGone(error)) throw toUnavailable(error);
    }
  }

  async list(limit: number): Promise<readonly StoredSecret[]> {
    const found: StoredSecret[] = [];
    const filter = { Filters: [{ Key: 'name' as const, Values: [this.#prefix] }] };
    try {
      for await (const page of paginateListSecrets({ client: this.#client, pageSize: 100 }, filter)) {
        found.push(...(page.SecretList ?? []).flatMap((entry) => this.#ours(entry) ?? []));
        if (found.length >= limit) break;
      }
    } catch (error) {
      throw toUnavailable(error);
    }
    return found.slice(0, limit);
  }

  #create(incarnation: string, SecretString: string) {
    return this.#client.send(
      new CreateSecretCommand({
        Name: `${this.#prefix}${incarnation}`,
        Description: `Credentials of the target of a Milvus CDC task of the stack ${this.#stack}; removed with the task.`,
        SecretString,
        Tags: [
          { Key: TAGS.stack, Value: this.#stack },
          { Key: TAGS.incarnation, Value: incarnation },
        ],
      }),
    );
  }

  /** A name alone proves nothing: it may be somebody else's idea. */
  #ours({ ARN, Name, Tags, CreatedDate }: SecretListEntry): StoredSecret | undefined {
    const tag = (key: string) => Tags?.find(({ Key }) => Key === key)?.Value;
    const incarnation = tag(TAGS.incarnation);
    const ours = tag(TAGS.stack) === this.#stack && Name === `${this.#prefix}${incarnation}`;
    if (!ours || incarnation === undefined || ARN === undefined || CreatedDate === undefined)
      return undefined;
    return { ref: ARN, incarnation, createdAt: CreatedDate.getTime() };
  }
}

/** Not there, or marked as deleted by somebody who left it a recovery window. */
function isGone(error: unknown): boolean {
  return (
    isAnswer(error, 'ResourceNotFoundException') ||
    (isAnswer(error, 'InvalidRequestException') && /delet/i.test(error.message))
  );
}

function known(arn: string | undefined): string {
  if (arn === undefined) throw new Error('Secrets Manager answered without an ARN');
  return arn;
}
