import { compareKeys, sameCell, showCell } from './cells.ts';
import type { Difference } from './differences.ts';
import { type Row, readRows } from './read-rows.ts';
import { type Place, placeText, type Side } from './side.ts';

export interface RowComparisonOptions {
  readonly source: Side;
  readonly target: Side;
  readonly at: Place;
  /** The collection's name on the target. */
  readonly onTarget: Place;
  readonly keyField: string;
  /** Differences after which the reading ends. @default 20 */
  readonly limit?: number | undefined;
}

/** Walks both sides in the order of their keys. */
export async function compareRows(
  options: RowComparisonOptions,
): Promise<{ readonly rows: number; readonly differences: readonly Difference[] }> {
  const { source, target, at, onTarget, keyField, limit = 20 } = options;
  const differences: Difference[] = [];
  const report = (detail: string) => {
    differences.push({ collection: placeText(at), aspect: 'rows', detail });
  };
  const left = readRows(source, { ...at, keyField });
  const right = readRows(target, { ...onTarget, keyField });
  let rows = 0;
  let [ours, theirs] = await Promise.all([left.next(), right.next()]);
  while (!(ours.done === true && theirs.done === true)) {
    if (differences.length >= limit) {
      report('(reading ended here: too many differences)');
      break;
    }
    const order = orderOf(ours, theirs);
    if (order === 0) {
      rows += 1;
      for (const field of differentFields(ours.value as Row, theirs.value as Row)) report(field);
    } else if (order < 0) report(`key ${showCell((ours.value as Row).key)} is missing on the target`);
    else report(`key ${showCell((theirs.value as Row).key)} is on the target only`);
    // Two reads at once only where both sides are a page further.
    [ours, theirs] = await Promise.all([order <= 0 ? left.next() : ours, order >= 0 ? right.next() : theirs]);
  }
  await Promise.all([left.return(undefined), right.return(undefined)]);
  return { rows, differences };
}

type Step = IteratorResult<Row, void>;

function orderOf(left: Step, right: Step): number {
  if (left.done === true) return 1;
  if (right.done === true) return -1;
  return compareKeys(left.value.key, right.value.key);
}

function differentFields(left: Row, right: Row): readonly string[] {
  const names = new Set([...left.cells.keys(), ...right.cells.keys()]);
  return [...names]
    .filter((name) => !sameCell(left.cells.get(name), right.cells.get(name)))
    .map((name) => {
      const [ours, theirs] = [left.cells.get(name), right.cells.get(name)].map(showCell);
      return `key ${showCell(left.key)}, field ${name}: ${ours} at the source, ${theirs} on the target`;
    });
}
