import type { PositionItem } from '../answers.ts';
import { table } from './table.ts';

/** Stands for what has no collection. */
const NO_COLLECTION = -10;

/** Where a task's collections stand in the source's channels, for people. */
export function positionText(positions: readonly PositionItem[] | null): string {
  if (positions === null) return 'no position is known\n';
  const rows = positions.map((item) => [
    item.collection_id === NO_COLLECTION ? '(none)' : String(item.collection_id),
    item.channel_name,
    item.time === 0 ? 'not reached yet' : new Date(item.time).toISOString(),
    item.msg_id,
  ]);
  return table(['COLLECTION ID', 'CHANNEL', 'APPLIED UP TO', 'POSITION'], rows);
}
