/** Port: which secrets are stored, whether or not anybody still knows of them; for those who clean up. */
export interface SecretInventory {
  /** `limit` at most. */
  list(limit: number): Promise<readonly StoredSecret[]>;
}

export interface StoredSecret {
  /** What the secret store knows it by. */
  readonly ref: string;
  readonly incarnation: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}
