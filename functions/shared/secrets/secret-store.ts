/** Port: credentials of targets, apart from the task so that nothing that reads a task sees them.
 *  Adapters: Secrets Manager on AWS, a table of the SQLite file on one machine.
 *  A store that is away fails with `StoreUnavailableError`; the call may then have been executed or not. */
export interface SecretStore {
  /** Stores what one life of a task needs, or replaces it. Answers what it is known by from now on. */
  put(incarnation: string, secret: TargetSecret): Promise<string>;
  /** Undefined when there is none. */
  get(ref: string): Promise<TargetSecret | undefined>;
  /** Harmless when repeated. */
  delete(ref: string): Promise<void>;
}

export interface TargetSecret {
  /** `user:password` or an API key; what Milvus's `authorization` metadata carries, not yet base64. Where the password
   *  is a secret of the user's own: the `user:` that it is put behind. */
  readonly token: string;
  /** Private key that belongs to the client certificate, PEM. */
  readonly clientKeyPem?: string | undefined;
}
