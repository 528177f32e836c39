import { describe, expect, test } from 'vitest';
import type {
  CatalogCollection,
  CatalogIndex,
  CatalogPartition,
} from '../../../../replicator/engine/catalog.ts';
import {
  fingerprint,
  type KnownObject,
  planObject,
  type Step,
  type TargetObject,
} from '../../../../replicator/engine/object-plan.ts';
import { DataType } from '../../../../replicator/wire/gen/schema_pb.ts';
import { schemaOf, sourceCollection } from './collections.ts';

const index = (name: string, params: Record<string, string> = {}, fieldName = 'vector'): CatalogIndex => ({
  name,
  fieldName,
  params,
});

const partitions = (...list: readonly [id: bigint, name: string, state?: CatalogPartition['state']][]) =>
  new Map(list.map(([id, name, state = 'created']) => [id, { id, name, state }]));

const bound = (name: string) => ({ name, state: 'bound' }) as const;

interface Case {
  readonly source?: Partial<CatalogCollection>;
  readonly known?: Partial<KnownObject>;
  readonly target?: Partial<TargetObject>;
  readonly ignorePartitions?: boolean;
}

function plan({ source, known, target, ignorePartitions = false }: Case): readonly Step[] {
  return planObject(
    sourceCollection(source),
    { partitions: { '70': bound('_default') }, indexes: {}, loaded: false, ...known },
    { partitions: ['_default'], indexes: [], load: { kind: 'released' }, ...target },
    ignorePartitions,
  );
}

const told = (steps: readonly Step[]): string[] => steps.map(inWords);

function inWords(step: Step): string {
  switch (step.kind) {
    case 'create-partition':
      return `create partition ${step.id} ${step.name}`;
    case 'create-index':
      return `create index ${step.index.name}`;
    case 'drop-index':
      return `drop index ${step.name}`;
    case 'load-partitions':
      return `load ${step.names.join()}`;
    case 'release-partitions':
      return `release ${step.names.join()}`;
    case 'load':
    case 'release':
      return step.kind;
  }
}

const TWO_LOADED = { kind: 'partitions', partitionIds: [70n, 71n], replicas: 2 } as const;
const ONE_LOADED = { kind: 'partitions', partitionIds: [70n], replicas: 2 } as const;
const TWO = partitions([70n, 'p'], [71n, 'q']);
const KNOWN_TWO = { '70': bound('p'), '71': bound('q') };
const IX = index('ix', { nlist: '8' });
const MADE = { ix: fingerprint(IX) };
const THERE = [{ name: 'ix', fieldName: 'vector' }];
const LOADED = { kind: 'collection', replicas: 1 } as const;

test('nothing is to be done where both sides are equal', () => {
  expect(
    plan({
      source: { indexes: [IX], load: LOADED },
      known: { indexes: MADE, loaded: true },
      target: { indexes: THERE, load: { kind: 'collection' } },
    }),
  ).toEqual([]);
});

describe('partitions', () => {
  test.each<Case & { name: string; steps: string[] }>([
    {
      name: 'one that the target lacks is made',
      source: { partitions: partitions([70n, '_default'], [71n, 'q']) },
      steps: ['create partition 71 q'],
    },
    {
      name: 'one that is being made or dropped at the source is left alone',
      source: { partitions: partitions([70n, '_default'], [71n, 'q', 'creating'], [72n, 'r', 'dropping']) },
      steps: [],
    },
    {
      name: 'one under a name whose predecessor is still there waits for its drop',
      source: { partitions: partitions([70n, '_default'], [72n, 'q']) },
      known: { partitions: { '70': bound('_default'), '71': bound('q') } },
      steps: [],
    },
    {
      name: 'one whose creation was begun and not seen through is made again',
      source: { partitions: partitions([70n, '_default'], [71n, 'q']) },
      known: { partitions: { '70': bound('_default'), '71': { name: 'q', state: 'creating' } } },
      steps: ['create partition 71 q'],
    },
    {
      name: 'one under a name whose predecessor is being dropped waits until that is done',
      source: { partitions: partitions([70n, '_default'], [72n, 'q']) },
      known: { partitions: { '70': bound('_default'), '71': { name: 'q', state: 'dropping' } } },
      steps: [],
    },
    {
      name: 'one that the source lacks is not dropped here, but behind its barrier',
      known: { partitions: { '70': bound('_default'), '71': bound('q') } },
      target: { partitions: ['_default', 'q'] },
      steps: [],
    },
    {
      name: 'none is made where they are to be left alone',
      source: { partitions: TWO },
      known: { partitions: {} },
      ignorePartitions: true,
      steps: [],
    },
    {
      name: 'none is made where a key chooses them',
      source: {
        partitions: TWO,
        schema: schemaOf([
          { name: 'id', dataType: DataType.INT64, isPrimaryKey: true },
          { name: 'tenant', dataType: DataType.INT64, isPartitionKey: true },
        ]),
      },
      known: { partitions: {} },
      steps: [],
    },
  ])('$name', ({ steps, ...given }) => {
    expect(told(plan(given))).toEqual(steps);
  });
});

describe('indexes', () => {
  test.each<Case & { name: string; steps: string[] }>([
    { name: 'one that the target lacks is made', source: { indexes: [IX] }, steps: ['create index ix'] },
    {
      name: 'one that this task made and the source dropped is dropped',
      known: { indexes: MADE },
      target: { indexes: THERE },
      steps: ['drop index ix'],
    },
    {
      name: 'one that somebody else made is never dropped',
      target: { indexes: THERE },
      steps: [],
    },
    {
      name: 'one that somebody else made under that name is taken as it is',
      source: { indexes: [IX] },
      target: { indexes: THERE },
      steps: [],
    },
    {
      name: 'a field that has an index of somebody else gets no second one',
      source: { indexes: [IX] },
      target: { indexes: [{ name: 'theirs', fieldName: 'vector' }] },
      steps: [],
    },
    {
      name: 'one whose parameters changed is dropped and made anew',
      source: { indexes: [index('ix', { nlist: '16' })] },
      known: { indexes: MADE },
      target: { indexes: THERE },
      steps: ['drop index ix', 'create index ix'],
    },
    {
      name: 'one that was replaced by another on its field makes room first',
      source: { indexes: [index('ix2')] },
      known: { indexes: MADE },
      target: { indexes: THERE },
      steps: ['drop index ix', 'create index ix2'],
    },
    {
      name: 'one that this task made and somebody dropped on the target is made again',
      source: { indexes: [IX] },
      known: { indexes: MADE },
      steps: ['create index ix'],
    },
    {
      name: 'one that is gone on both sides needs nothing',
      known: { indexes: MADE },
      steps: [],
    },
  ])('$name', ({ steps, ...given }) => {
    expect(told(plan(given))).toEqual(steps);
  });

  test('are compared by what was asked for, in whatever order', () => {
    expect(fingerprint(index('a', { x: '1', y: '2' }))).toBe(fingerprint(index('b', { y: '2', x: '1' })));
    expect(fingerprint(index('a', { x: '1' }))).not.toBe(fingerprint(index('a', { x: '2' })));
    expect(fingerprint(index('a', { x: '1' }))).not.toBe(fingerprint(index('a', { x: '1' }, 'other')));
  });
});

describe('load state', () => {
  test.each<Case & { name: string; steps: string[] }>([
    { name: 'a loaded collection is loaded', source: { load: LOADED }, steps: ['load'] },
    {
      name: 'a load waits for the partitions and indexes that it needs',
      source: { load: LOADED, indexes: [IX], partitions: TWO },
      known: { partitions: { '70': bound('p') } },
      steps: ['create partition 71 q', 'create index ix', 'load'],
    },
    {
      name: 'a load that is under way is waited for',
      source: { load: LOADED },
      target: { load: { kind: 'loading' } },
      steps: [],
    },
    {
      name: 'what this task loaded is released with the source',
      known: { loaded: true },
      target: { load: { kind: 'collection' } },
      steps: ['release'],
    },
    {
      name: 'what somebody else loaded stays loaded',
      target: { load: { kind: 'collection' } },
      steps: [],
    },
    {
      name: 'single partitions are loaded by the names of the target',
      source: { load: TWO_LOADED, partitions: TWO },
      known: { partitions: KNOWN_TWO },
      steps: ['load p,q'],
    },
    {
      name: 'only the partitions that are missing are loaded',
      source: { load: TWO_LOADED, partitions: TWO },
      known: { partitions: KNOWN_TWO, loaded: true },
      target: { load: { kind: 'partitions', names: ['q'] } },
      steps: ['load p'],
    },
    {
      name: 'partitions that the source released are released',
      source: { load: ONE_LOADED, partitions: TWO },
      known: { partitions: KNOWN_TWO, loaded: true },
      target: { load: { kind: 'partitions', names: ['p', 'q'] } },
      steps: ['release q'],
    },
    {
      name: 'partitions that somebody else loaded as well stay loaded',
      source: { load: ONE_LOADED, partitions: TWO },
      known: { partitions: KNOWN_TWO },
      target: { load: { kind: 'partitions', names: ['p', 'q'] } },
      steps: [],
    },
    {
      name: 'some partitions grow into the whole collection',
      source: { load: LOADED, partitions: TWO },
      known: { partitions: KNOWN_TWO, loaded: true },
      target: { load: { kind: 'partitions', names: ['p'] } },
      steps: ['load'],
    },
    {
      name: 'the whole collection shrinks to some partitions by way of a release',
      source: { load: ONE_LOADED, partitions: TWO },
      known: { partitions: KNOWN_TWO, loaded: true },
      target: { load: { kind: 'collection' } },
      steps: ['release', 'load p'],
    },
    {
      name: 'the whole collection that somebody else loaded stays so',
      source: { load: ONE_LOADED, partitions: TWO },
      known: { partitions: KNOWN_TWO },
      target: { load: { kind: 'collection' } },
      steps: [],
    },
    {
      name: 'partitions become the whole where the target has none of them',
      source: { load: ONE_LOADED, partitions: TWO },
      ignorePartitions: true,
      steps: ['load'],
    },
    {
      name: 'loaded partitions that the catalog does not name are nothing to load',
      source: { load: { kind: 'partitions', partitionIds: [99n], replicas: 1 } },
      steps: [],
    },
  ])('$name', ({ steps, ...given }) => {
    expect(told(plan(given))).toEqual(steps);
  });

  test('carries the number of replicas', () => {
    expect(plan({ source: { load: { kind: 'collection', replicas: 3 } } })).toEqual([
      { kind: 'load', replicas: 3 },
    ]);
    expect(plan({ source: { load: TWO_LOADED, partitions: TWO }, known: { partitions: KNOWN_TWO } })).toEqual(
      [{ kind: 'load-partitions', names: ['p', 'q'], replicas: 2 }],
    );
  });
});

describe('an index that changes while the collection is loaded', () => {
  const changed = { indexes: [index('ix', { nlist: '16' })] };
  const loadedByUs = { indexes: MADE, loaded: true, partitions: KNOWN_TWO };

  test.each<Case & { name: string; steps: string[] }>([
    {
      name: 'the whole collection is released around it',
      source: { ...changed, load: LOADED },
      known: loadedByUs,
      target: { indexes: THERE, load: { kind: 'collection' } },
      steps: ['release', 'drop index ix', 'create index ix', 'load'],
    },
    {
      name: 'loaded partitions are released around it and loaded again',
      source: { ...changed, load: TWO_LOADED, partitions: TWO },
      known: loadedByUs,
      target: { indexes: THERE, load: { kind: 'partitions', names: ['p', 'q'] } },
      steps: ['release', 'drop index ix', 'create index ix', 'load p,q'],
    },
    {
      name: 'all partitions are loaded again, also those that were before, when more are wanted',
      source: { ...changed, load: TWO_LOADED, partitions: TWO },
      known: loadedByUs,
      target: { indexes: THERE, load: { kind: 'partitions', names: ['p'] } },
      steps: ['release', 'drop index ix', 'create index ix', 'load p,q'],
    },
    {
      name: 'everything is released, not only what the source released at the same time',
      source: { ...changed, load: ONE_LOADED, partitions: TWO },
      known: loadedByUs,
      target: { indexes: THERE, load: { kind: 'partitions', names: ['p', 'q'] } },
      steps: ['release', 'drop index ix', 'create index ix', 'load p'],
    },
    {
      name: 'it stays released when the source was released at the same time',
      source: changed,
      known: loadedByUs,
      target: { indexes: THERE, load: { kind: 'collection' } },
      steps: ['release', 'drop index ix', 'create index ix'],
    },
    {
      name: 'what somebody else loaded is not released for it',
      source: { ...changed, load: LOADED },
      known: { ...loadedByUs, loaded: false },
      target: { indexes: THERE, load: { kind: 'collection' } },
      steps: ['drop index ix', 'create index ix'],
    },
  ])('$name', ({ steps, ...given }) => {
    expect(told(plan(given))).toEqual(steps);
  });
});
