import type { TargetLoadState } from '../target/target.ts';
import type { CatalogCollection, CatalogIndex } from './catalog.ts';
import { hasPartitionKey } from './definition.ts';

/** What this task knows of a collection that it keeps on the target; see `TaskObject`. */
export interface KnownObject {
  /** By source partition id; see `TaskObject`. */
  readonly partitions: Readonly<
    Record<string, { readonly name: string; readonly state: 'creating' | 'bound' | 'dropping' }>
  >;
  /** Indexes that this task made -> fingerprint. */
  readonly indexes: Readonly<Record<string, string>>;
  readonly loaded: boolean;
}

/** The target's side, as read just now. */
export interface TargetObject {
  readonly partitions: readonly string[];
  readonly indexes: readonly { readonly name: string; readonly fieldName: string }[];
  readonly load: TargetLoadState;
}

export type Step =
  | { readonly kind: 'create-partition'; readonly id: bigint; readonly name: string }
  | { readonly kind: 'release' }
  | { readonly kind: 'release-partitions'; readonly names: readonly string[] }
  | { readonly kind: 'drop-index'; readonly name: string }
  | { readonly kind: 'create-index'; readonly index: CatalogIndex; readonly fingerprint: string }
  | { readonly kind: 'load'; readonly replicas: number }
  | { readonly kind: 'load-partitions'; readonly names: readonly string[]; readonly replicas: number };

/** Compares the catalog with the target and answers the steps that make the target's partitions, indexes and load
 *  state follow, in an order that the target accepts: an index is dropped and replaced only while released, and a load
 *  needs its indexes. Partitions are only created here: their drop waits until every channel has passed it.
 *
 *  Only what this task made is taken away again: an index that it created, a load that it started. Level-triggered:
 *  it looks at the present state, so a lost event only delays. Pure. */
export function planObject(
  source: CatalogCollection,
  known: KnownObject,
  target: TargetObject,
  ignorePartitions: boolean,
): readonly Step[] {
  const partitions =
    ignorePartitions || hasPartitionKey(source.schema) ? [] : missingPartitions(source, known);
  const { drop, create } = indexChanges(source, known, target);
  const load = loadChanges(source, known, target, ignorePartitions);
  const mustRelease = drop.length > 0 && target.load.kind !== 'released' && known.loaded;
  const steps: Step[] = [...partitions];
  if (mustRelease) steps.push({ kind: 'release' });
  else steps.push(...load.before);
  for (const name of drop) steps.push({ kind: 'drop-index', name });
  for (const index of create) steps.push({ kind: 'create-index', index, fingerprint: fingerprint(index) });
  steps.push(...(mustRelease ? wantedLoad(source, ignorePartitions) : load.after));
  return steps;
}

/** A partition that was dropped and made again under its name waits for its predecessor's drop. */
function missingPartitions(source: CatalogCollection, known: KnownObject): Step[] {
  const steps: Step[] = [];
  for (const { id, name, state } of source.partitions.values()) {
    const own = known.partitions[String(id)];
    const taken = Object.entries(known.partitions).some(
      ([other, p]) => other !== String(id) && p.name === name,
    );
    if (state === 'created' && own?.state !== 'bound' && !taken)
      steps.push({ kind: 'create-partition', id, name });
  }
  return steps;
}

function indexChanges(source: CatalogCollection, known: KnownObject, target: TargetObject) {
  const wanted = new Map(source.indexes.map((index) => [index.name, index]));
  const there = new Set(target.indexes.map((index) => index.name));
  const fields = new Set(target.indexes.map((index) => index.fieldName));
  const drop = Object.entries(known.indexes)
    .filter(([name, made]) => {
      const index = wanted.get(name);
      return there.has(name) && (index === undefined || fingerprint(index) !== made);
    })
    .map(([name]) => name);
  const dropped = new Set(drop);
  for (const index of target.indexes) if (dropped.has(index.name)) fields.delete(index.fieldName);
  const create = source.indexes.filter(
    (index) => (!there.has(index.name) || dropped.has(index.name)) && !fields.has(index.fieldName),
  );
  return { drop, create };
}

/** What the source asked for, in a form that compares: the target lists parameters in a form of its own. */
export function fingerprint(index: CatalogIndex): string {
  const params = Object.entries(index.params).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([index.fieldName, ...params]);
}

function loadChanges(
  source: CatalogCollection,
  known: KnownObject,
  target: TargetObject,
  ignorePartitions: boolean,
): { readonly before: readonly Step[]; readonly after: readonly Step[] } {
  const none = { before: [], after: [] };
  const wanted = wantedLoad(source, ignorePartitions);
  const [first] = wanted;
  if (target.load.kind === 'loading') return none;
  if (first === undefined) {
    return known.loaded && target.load.kind !== 'released'
      ? { before: [{ kind: 'release' }], after: [] }
      : none;
  }
  if (target.load.kind === 'released') return { before: [], after: wanted };
  if (first.kind === 'load') return target.load.kind === 'collection' ? none : { before: [], after: wanted };
  if (first.kind !== 'load-partitions' || target.load.kind === 'collection') {
    return known.loaded ? { before: [{ kind: 'release' }], after: wanted } : none;
  }
  const there = new Set(target.load.names);
  const missing = first.names.filter((name) => !there.has(name));
  const surplus = target.load.names.filter((name) => !first.names.includes(name));
  return {
    before: known.loaded && surplus.length > 0 ? [{ kind: 'release-partitions', names: surplus }] : [],
    after: missing.length > 0 ? [{ ...first, names: missing }] : [],
  };
}

function wantedLoad(source: CatalogCollection, ignorePartitions: boolean): readonly Step[] {
  const { load } = source;
  if (load.kind === 'released') return [];
  if (load.kind === 'collection' || ignorePartitions || hasPartitionKey(source.schema)) {
    return [{ kind: 'load', replicas: load.replicas }];
  }
  const names = load.partitionIds
    .map((id) => source.partitions.get(id)?.name)
    .filter((name) => name !== undefined);
  return names.length === 0 ? [] : [{ kind: 'load-partitions', names, replicas: load.replicas }];
}
