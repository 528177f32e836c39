/** Port: secrets that users keep and name in a create instead of a credential. Adapter: Secrets Manager. */
export interface SecretReferences {
  /** The value that the reference stands for now. Fails with {@link SecretReferenceError} when this stack may not use it,
   *  and with `StoreUnavailableError` when it cannot be told. */
  resolve(reference: string): Promise<string>;
}

/** The message is one sentence for the user that says what to change. */
export class SecretReferenceError extends Error {
  override readonly name = 'SecretReferenceError';
}

/** A part of a secret, as ECS writes it: `arn:…:secret:name-x[:json-key:version-stage:version-id]`. */
export interface SecretPart {
  readonly arn: string;
  /** The member of a JSON secret; the whole value when absent. */
  readonly jsonKey?: string | undefined;
  readonly versionStage?: string | undefined;
  readonly versionId?: string | undefined;
}

/** True for whatever is meant as a reference, well formed or not: no token and no path begins like that. */
export function isSecretReference(text: string): boolean {
  return /^arn:[a-z0-9-]+:secretsmanager:/.test(text);
}

/** Undefined when it is not a whole ARN of a secret, or its suffix is not ECS's. */
export function parseSecretReference(text: string): SecretPart | undefined {
  const [, arn = '', suffix = ''] = FORM.exec(text) ?? [];
  if (arn === '') return undefined;
  const [jsonKey = '', versionStage = '', versionId = ''] = suffix.split(':').slice(1);
  return {
    arn,
    jsonKey: jsonKey || undefined,
    versionStage: versionStage || undefined,
    versionId: versionId || undefined,
  };
}

/** Secrets Manager puts a hyphen and six characters behind the name; ECS needs the ARN with them. */
const FORM =
  /^(arn:[a-z0-9-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+-[A-Za-z0-9]{6})((?::[^:]*){3})?$/;
