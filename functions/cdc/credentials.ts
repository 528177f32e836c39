import { isSecretReference, SecretReferenceError } from '#shared/secrets/secret-references.ts';
import type { TargetSecret } from '#shared/secrets/secret-store.ts';
import { completeSecret } from '#shared/secrets/target-secret.ts';
import type { UserSecrets } from '#shared/task/task.ts';
import type { CdcDeps } from './deps.ts';
import { clientError, sentenceOf, serverError } from './errors.ts';
import type { MilvusConnectParam } from './requests.ts';

/** What a target is logged in with. */
export interface Credentials {
  /** All of it, to check the target now; absent when it needs none. */
  readonly secret?: TargetSecret | undefined;
  /** What has to be stored of it with the task … */
  readonly storedSecret?: TargetSecret | undefined;
  /** … and where the rest is, which the user keeps. */
  readonly userSecrets?: UserSecrets | undefined;
}

/** A credential as it was given: itself, or the ARN of a secret that holds it. */
export interface Given {
  readonly value: string;
  readonly reference?: string | undefined;
}

export type Readers = Pick<CdcDeps, 'readPem' | 'secretReferences'>;

/** Fails with an `ApiError` of code 400 when a secret that is named cannot be used. */
export async function readCredentials(
  param: MilvusConnectParam,
  given: { readonly userInfo: string | undefined; readonly clientKey: Given | undefined },
  { secretReferences }: Readers,
): Promise<Credentials> {
  const read = (member: 'token' | 'password') =>
    readGiven(`milvus_connect_param.${member}`, param[member], secretReferences);
  const token = await read('token');
  // What does not count is not read either.
  const password = token.value === '' && param.username !== '' ? await read('password') : undefined;
  const login = password === undefined ? (given.userInfo ?? '') : `${param.username}:${own(password)}`;
  const storedToken = token.value === '' ? login : own(token);
  const storedKey = given.clientKey && own(given.clientKey);
  const stored =
    storedToken === '' && !storedKey
      ? undefined
      : { token: storedToken, clientKeyPem: storedKey || undefined };
  const kept = { token, password, clientKeyPem: given.clientKey };
  return {
    secret: completeSecret(
      stored,
      present(kept, ({ reference, value }) => reference && value),
    ),
    storedSecret: stored,
    userSecrets: present(kept, ({ reference }) => reference),
  };
}

/** A member of a create that may be the ARN of a secret. Fails as {@link readCredentials} does. */
export async function readGiven(
  member: string,
  text: string,
  references: CdcDeps['secretReferences'],
): Promise<Given> {
  if (!isSecretReference(text)) return { value: text };
  if (references === undefined) {
    throw clientError(
      `${member} cannot be used: secrets of Secrets Manager can be named on AWS only; give what the secret holds`,
    );
  }
  try {
    return { value: await references.resolve(text), reference: text };
  } catch (error) {
    const message = `${member} cannot be used: ${sentenceOf(error)}`;
    throw error instanceof SecretReferenceError ? clientError(message) : serverError(message, error);
  }
}

/** What we have to keep of it ourselves. */
function own({ value, reference }: Given): string {
  return reference === undefined ? value : '';
}

/** The members of which there is something, or undefined when there is nothing of any. */
function present(
  kept: Readonly<Record<keyof UserSecrets, Given | undefined>>,
  choose: (given: Given) => string | undefined,
): UserSecrets | undefined {
  const chosen = Object.entries(kept).flatMap(([name, given]) => {
    const value = given && choose(given);
    return value === undefined ? [] : [[name, value] as const];
  });
  return chosen.length === 0 ? undefined : Object.fromEntries(chosen);
}
