/** Port: credentials of targets, apart from the task so that nothing that reads a task sees them.
 *  Adapters: Secrets Manager on AWS, a table of the SQLite file on one machine. */
export interface SecretStore {
  /** Stores under a name that the caller chose (it carries the task's incarnation). */
  put(ref: string, secret: TargetSecret): Promise<void>;
  /** Undefined when there is none. */
  get(ref: string): Promise<TargetSecret | undefined>;
  /** Harmless when repeated. */
  delete(ref: string): Promise<void>;
}

export interface TargetSecret {
  /** `user:password` or an API key; what Milvus's `authorization` metadata carries, not yet base64. */
  readonly token: string;
  /** Private key that belongs to the client certificate, PEM. */
  readonly clientKeyPem?: string | undefined;
}
