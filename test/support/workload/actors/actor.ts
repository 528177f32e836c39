import type { Random } from '../random.ts';
import type { Table, TableContext } from '../table.ts';

/** One of the users who work on the source at the same time, each on collections of its own. */
export interface Actor {
  readonly name: string;
  /** The collections it has now. */
  readonly tables: readonly Table[];
  prepare(): Promise<void>;
  /** One move; answers the rows it touched. */
  step(): Promise<number>;
  /** Leaves everything readable: all collections loaded, all indexes made. */
  finish(): Promise<void>;
}

export interface ActorContext extends TableContext {
  /** Names of its collections and databases begin with this. */
  readonly prefix: string;
}

/** A move of an actor with how often it is made, relative to the others. */
export type Move = readonly [weight: number, move: () => Promise<number>];

export function makeMove(random: Random, moves: readonly Move[]): Promise<number> {
  let rest = random.fraction() * moves.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, move] of moves) {
    rest -= weight;
    if (rest < 0) return move();
  }
  throw new Error('no move has a weight');
}
