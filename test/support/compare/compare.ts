import { ok } from '../milvus/connect.ts';
import { waitUntil } from '../stack/wait-until.ts';
import { compareRows } from './compare-rows.ts';
import { type Comparison, comparisonText, type Difference } from './differences.ts';
import { type Described, describe } from './shape.ts';
import { type Place, placeText, type Side } from './side.ts';

export interface ComparisonOptions {
  readonly source: Side;
  readonly target: Side;
  /** Which collections of the source count. */
  readonly includes: (place: Place) => boolean;
  /** Which collections of the target must have a counterpart. @default as `includes` */
  readonly includesOnTarget?: ((place: Place) => boolean) | undefined;
  /** Name on the target. @default the same */
  readonly rename?: ((place: Place) => Place) | undefined;
  /** Aspects that are not looked at. */
  readonly ignore?: ReadonlySet<Difference['aspect']> | undefined;
}

/** Compares everything that two servers show of their collections: existence, schema, partitions, indexes, load state,
 *  properties, aliases, `count(*)`, and every field of every row. Reads both sides strongly consistent. */
export async function compare(options: ComparisonOptions): Promise<Comparison> {
  return compareWith(options, true);
}

/** Repeats the comparison until there is no difference, or fails with the differences after `timeoutMs`. Rows are read
 *  only once all that is cheaper to compare is equal. */
export async function waitUntilEqual(
  options: ComparisonOptions & { readonly timeoutMs: number },
): Promise<Comparison> {
  let last: Comparison | undefined;
  const probe = async () => {
    const cheap = await compareWith(options, false);
    last = cheap.differences.length > 0 ? cheap : await compareWith(options, true);
    return last.differences.length === 0;
  };
  try {
    await waitUntil(probe, { what: 'both sides are equal', timeoutMs: options.timeoutMs, everyMs: 1_000 });
  } catch (error) {
    // The whole of it, also what the cheap comparison left out.
    const found = await compareWith(options, true);
    throw new Error(`${(error as Error).message}\n${comparisonText(found)}`, { cause: error });
  }
  return last as Comparison;
}

async function compareWith(options: ComparisonOptions, withRows: boolean): Promise<Comparison> {
  const { source, target, includes, includesOnTarget = includes, ignore } = options;
  const { rename = (place: Place) => place } = options;
  const onSource = (await listPlaces(source)).filter(includes);
  const expected = new Map(onSource.map((place) => [placeText(rename(place)), place]));
  const targetPlaces = await listPlaces(target);
  const onTarget = new Set(targetPlaces.map(placeText));
  const result: Mutable = { differences: [], notCompared: [], rows: 0, collections: 0 };
  for (const place of targetPlaces) {
    if (expected.has(placeText(place)) || !includesOnTarget(place)) continue;
    const detail = 'exists on the target only';
    result.differences.push({ collection: placeText(place), aspect: 'existence', detail });
  }
  for (const [targetText, place] of expected) {
    if (!onTarget.has(targetText)) {
      const detail = `is missing on the target (as ${targetText})`;
      result.differences.push({ collection: placeText(place), aspect: 'existence', detail });
      continue;
    }
    result.collections += 1;
    await compareCollection({ source, target, at: place, onTarget: rename(place), withRows, result });
  }
  return { ...result, differences: result.differences.filter(({ aspect }) => ignore?.has(aspect) !== true) };
}

interface Mutable {
  readonly differences: Difference[];
  readonly notCompared: string[];
  rows: number;
  collections: number;
}

interface OneCollection {
  readonly source: Side;
  readonly target: Side;
  readonly at: Place;
  readonly onTarget: Place;
  readonly withRows: boolean;
  readonly result: Mutable;
}

async function compareCollection(one: OneCollection): Promise<void> {
  const { source, target, at, onTarget, withRows, result } = one;
  const [ours, theirs] = await Promise.all([describe(source, at), describe(target, onTarget)]);
  result.differences.push(...shapeDifferences(at, ours, theirs));
  if (!ours.readable || !theirs.readable) {
    const where = ours.readable ? 'on the target' : 'at the source';
    result.notCompared.push(`rows of ${placeText(at)}, which is not loaded ${where}`);
    return;
  }
  if (ours.unloadedPartitions.length > 0) {
    result.notCompared.push(`rows of ${placeText(at)} in partitions ${ours.unloadedPartitions.join(', ')}`);
  }
  const [sourceRows, targetRows] = await Promise.all([countRows(source, at), countRows(target, onTarget)]);
  if (sourceRows !== targetRows) {
    const detail = `count(*) is ${sourceRows} at the source, ${targetRows} on the target`;
    result.differences.push({ collection: placeText(at), aspect: 'count', detail });
  }
  if (!withRows) return;
  const { rows, differences } = await compareRows({ source, target, at, onTarget, keyField: ours.keyField });
  result.rows += rows;
  result.differences.push(...differences);
}

function countRows(side: Side, { database, name }: Place): Promise<number> {
  return side.raw.count({ database, collection: name });
}

function shapeDifferences(at: Place, ours: Described, theirs: Described): readonly Difference[] {
  const aspects = Object.keys(ours.shape) as (keyof Described['shape'])[];
  return aspects.flatMap((aspect) => {
    const [left, right] = [ours.shape[aspect], theirs.shape[aspect]];
    return [...new Set([...left.keys(), ...right.keys()])]
      .filter((name) => left.get(name) !== right.get(name))
      .map((name) => {
        const texts = [left.get(name), right.get(name)].map((text) => text ?? 'absent');
        const detail = `${name}: ${texts[0]} at the source, ${texts[1]} on the target`;
        return { collection: placeText(at), aspect, detail };
      });
  });
}

async function listPlaces(side: Side): Promise<readonly Place[]> {
  const { db_names: databases } = await ok('databases', side.sdk.listDatabases());
  const all = await Promise.all(
    databases.map(async (database) => {
      const { data } = await ok('collections', side.sdk.showCollections({ db_name: database }));
      return data.map(({ name }) => ({ database, name }));
    }),
  );
  return all.flat();
}
