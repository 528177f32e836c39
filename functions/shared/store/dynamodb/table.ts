/** The one table, as whoever creates it must define it: a partition and a sort key, both text, nothing else indexed.
 *
 *  | item      | pk                               | sk                                    |
 *  |-----------|----------------------------------|---------------------------------------|
 *  | task      | `TASKS`                          | id                                    |
 *  | tombstone | `TOMBSTONES`                     | incarnation                           |
 *  | counter   | `COUNTER`                        | `TASKS`                               |
 *  | scope     | `TARGET#` + SHA-256 of identity  | `SCOPE`                               |
 *  | launch    | `TASK#` + id                     | `LAUNCH`                              |
 *  | run       | `TASK#` + id                     | `RUN`                                 |
 *  | object    | `TASK#` + id                     | `OBJECT#` + incarnation + `#` + source id |
 *
 *  An object's key holds the incarnation, so what a deleted task left never mixes with its successor's; launch and run
 *  are replaced by the successor's, and every condition on them names the incarnation. */
export const TABLE_KEYS = { partitionKey: 'pk', sortKey: 'sk' } as const;

/** For `CreateTable` in tests and tools; the stack declares the same from {@link TABLE_KEYS}. */
export const TABLE_DEFINITION = {
  KeySchema: [
    { AttributeName: TABLE_KEYS.partitionKey, KeyType: 'HASH' },
    { AttributeName: TABLE_KEYS.sortKey, KeyType: 'RANGE' },
  ],
  AttributeDefinitions: [
    { AttributeName: TABLE_KEYS.partitionKey, AttributeType: 'S' },
    { AttributeName: TABLE_KEYS.sortKey, AttributeType: 'S' },
  ],
  BillingMode: 'PAY_PER_REQUEST',
} as const;
