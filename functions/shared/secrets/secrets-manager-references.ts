import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { TAGS } from '../names.ts';
import {
  parseSecretReference,
  type SecretPart,
  SecretReferenceError,
  type SecretReferences,
} from './secret-references.ts';
import { isAnswer, isRefusal, toUnavailable } from './secrets-manager.ts';

/** {@link SecretReferences} on AWS. A secret has to carry the tag `milvus-cdc:stack=<stack>`: whoever may call the API could
 *  else have this stack send any secret of the account to a server of theirs. IAM says the same to every role that reads it. */
export class SecretsManagerReferences implements SecretReferences {
  readonly #client: SecretsManagerClient;
  readonly #stack: string;

  constructor({ client, stack }: { readonly client: SecretsManagerClient; readonly stack: string }) {
    this.#client = client;
    this.#stack = stack;
  }

  async resolve(reference: string): Promise<string> {
    const part = parseSecretReference(reference);
    if (part === undefined) {
      throw new SecretReferenceError(
        'it is not the whole ARN of a secret; copy it from Secrets Manager, the six characters at its end included, with :json-key:version-stage:version-id behind it or nothing',
      );
    }
    await this.#checkTag(part.arn);
    return pick(await this.#read(part), part.jsonKey);
  }

  async #checkTag(arn: string): Promise<void> {
    const { Tags } = await this.#asked(() => this.#client.send(new DescribeSecretCommand({ SecretId: arn })));
    if (!Tags?.some(({ Key, Value }) => Key === TAGS.stack && Value === this.#stack)) throw this.#untagged();
  }

  async #read({ arn, versionStage, versionId }: SecretPart): Promise<string> {
    const { SecretString } = await this.#asked(() =>
      this.#client.send(
        new GetSecretValueCommand({ SecretId: arn, VersionStage: versionStage, VersionId: versionId }),
      ),
    );
    if (SecretString === undefined) throw new SecretReferenceError('the secret holds no text');
    return SecretString;
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      // IAM lets the control plane read what carries the tag: a refusal most likely says that it does not.
      if (isRefusal(error)) throw this.#untagged(error);
      if (isAnswer(error, 'ResourceNotFoundException')) {
        throw new SecretReferenceError(
          'there is no such secret, or version of it, in the region of the stack',
          {
            cause: error,
          },
        );
      }
      if (isAnswer(error, 'InvalidRequestException', 'InvalidParameterException')) {
        throw new SecretReferenceError(`Secrets Manager refuses to read it: ${error.message}`, {
          cause: error,
        });
      }
      throw toUnavailable(error);
    }
  }

  #untagged(cause?: unknown): SecretReferenceError {
    return new SecretReferenceError(
      `this stack may not read the secret; put the tag ${TAGS.stack} with the value ${this.#stack} on it, and let the stack use its key if it has one of its own`,
      { cause },
    );
  }
}

/** A member of a JSON secret, or all of its text. Fails with {@link SecretReferenceError}. */
export function pick(value: string, jsonKey: string | undefined): string {
  if (jsonKey === undefined) return value;
  let members: unknown;
  try {
    members = JSON.parse(value);
  } catch {
    // The parser's message quotes the secret.
    throw new SecretReferenceError('the secret is not JSON, so it has no members to choose from');
  }
  const member = isObject(members) && Object.hasOwn(members, jsonKey) ? members[jsonKey] : undefined;
  if (typeof member !== 'string')
    throw new SecretReferenceError(`the secret has no text under the JSON key ${jsonKey}`);
  return member;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
