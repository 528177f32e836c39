import type { FollowedCollection } from './collection.ts';
import type { Sighting } from './unknown-ids.ts';

/** What a channel asks of those who know the collections. */
export interface Followers {
  /** Undefined for an id that is not followed. */
  find(id: bigint): FollowedCollection | undefined;
  /** True for an id that is known to be none of this task's business, or to be dropped; then its rows are counted. */
  ignores(id: bigint, rows: number): boolean;
  /** An id of which nothing is known: `hold` keeps the checkpoint before its first change until that is settled. */
  unknown(id: bigint, sighting: Sighting): void;
  /** Asks for a reading of the catalog that starts from now on; answers its number. */
  refresh(): number;
  /** Resolves once a reading of the catalog was taken in that began after the call. */
  freshCatalog(signal: AbortSignal): Promise<void>;
  refused(collection: FollowedCollection, code: number, message: string): Promise<void>;
  /** Something advanced, so that a barrier may have been passed. */
  advanced(): void;
  /** A cursor of a single collection waits for a farther horizon. */
  ownShort(): void;
  fail(error: unknown): void;
}
