import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ANY } from '#shared/task/scope.ts';
import {
  type DatabaseView,
  type KnownDatabase,
  leftDatabases,
  planDatabase,
  wantedDatabases,
} from '../../../../replicator/engine/database-plan.ts';

const ours: KnownDatabase = { createdHere: true, createdAt: '7' };
const intended: KnownDatabase = { createdHere: true };
const theirs: KnownDatabase = { createdHere: false, createdAt: '7' };
const found = { name: 'shop', createdAt: 7n };
const another = { name: 'shop', createdAt: 8n };
const untold = { name: 'shop', createdAt: undefined };

function plan(view: Partial<DatabaseView>) {
  return planDatabase({
    wanted: false,
    left: false,
    awaited: false,
    inUse: false,
    known: undefined,
    found: undefined,
    ...view,
  });
}

describe('a database that the source has', () => {
  const wanted = { wanted: true };
  const create = { kind: 'create', noted: true };
  test.each<[string, Partial<DatabaseView>, unknown]>([
    ['is made where it is missing', {}, create],
    ['is made again when somebody dropped it', { known: ours }, create],
    ['is made by this task when its owner dropped it', { known: theirs }, create],
    ['is made again when it was not made the first time', { known: intended }, create],
    ['stays as it is', { known: ours, found }, { kind: 'none' }],
    ['stays as it is where nothing tells it apart', { known: intended, found: untold }, { kind: 'none' }],
    ["is noted as somebody's when it was there before", { found }, { kind: 'note', as: theirs }],
    ['is noted once', { known: theirs, found }, { kind: 'none' }],
    ['is noted with its time once that was seen', { known: intended, found }, { kind: 'note', as: ours }],
    [
      "is noted as somebody's when it was replaced",
      { known: ours, found: another },
      { kind: 'note', as: { createdHere: false, createdAt: '8' } },
    ],
    ['keeps its time where the target tells none any more', { known: ours, found: untold }, { kind: 'none' }],
  ])('%s', (_, view, step) => {
    expect(plan({ ...wanted, ...view })).toEqual(step);
  });
});

describe('a database that another task of the target has', () => {
  test.each<[string, Partial<DatabaseView>, unknown]>([
    ['is forgotten and stays, also when this task made it', { known: ours, found }, { kind: 'forget' }],
    ['is not made', {}, { kind: 'none' }],
    ['is nobody’s business here', { found }, { kind: 'none' }],
    ['is made for a collection that waits for it', { awaited: true }, { kind: 'create', noted: false }],
  ])('%s', (_, view, step) => {
    expect(plan({ left: true, ...view })).toEqual(step);
  });

  test('is what the task asked for and its scope excludes', () => {
    const catalog = {
      databases: new Map(
        ['default', 'shop', 'other'].map((name, i) => [BigInt(i), { id: BigInt(i), name, properties: {} }]),
      ),
    };
    const everything = { database: ANY, collection: ANY };
    const scope = { include: [everything], exclude: [{ database: 'shop', collection: ANY }] };
    expect(leftDatabases(catalog, { scope, mappings: [] })).toEqual(new Set(['shop']));
    const single = { include: [everything], exclude: [{ database: 'shop', collection: 'orders' }] };
    expect(leftDatabases(catalog, { scope: single, mappings: [] })).toEqual(new Set());
  });
});

describe('a database that the source does not have', () => {
  test.each<[string, Partial<DatabaseView>, unknown]>([
    ['is dropped when this task made it', { known: ours, found }, { kind: 'drop' }],
    ['is dropped when the answer to its making was lost', { known: intended, found }, { kind: 'drop' }],
    ['is dropped where nothing tells it apart', { known: ours, found: untold }, { kind: 'drop' }],
    ['waits for its collections to be gone', { known: ours, found, inUse: true }, { kind: 'none' }],
    ['is forgotten once it is gone', { known: ours }, { kind: 'forget' }],
    ['is forgotten once its owner has dropped it', { known: theirs }, { kind: 'forget' }],
    ['is left when it was there before', { known: theirs, found }, { kind: 'leave' }],
    ['is left when another one has taken its name', { known: ours, found: another }, { kind: 'leave' }],
    ['is none of the business of a task that never kept it', { found }, { kind: 'none' }],
    ['is not made', {}, { kind: 'none' }],
    [
      'is made without a note for a collection that waits for it',
      { awaited: true, inUse: true },
      { kind: 'create', noted: false },
    ],
    ['is not touched when a collection finds it there', { awaited: true, found }, { kind: 'none' }],
  ])('%s', (_, view, step) => {
    expect(plan(view)).toEqual(step);
  });
});

test('nothing is dropped but what this task made, that very one, unwanted, unused and no other task’s', () => {
  const known = fc.constantFrom(undefined, ours, intended, theirs);
  const seen = fc.constantFrom(undefined, found, another, untold);
  fc.assert(
    fc.property(
      fc.constantFrom('wanted', 'left', 'gone'),
      fc.boolean(),
      fc.boolean(),
      known,
      seen,
      (at, awaited, inUse, k, f) => {
        const [wanted, left] = [at === 'wanted', at === 'left'];
        const step = planDatabase({ wanted, left, awaited, inUse, known: k, found: f });
        if (step.kind !== 'drop') return;
        expect([at, inUse, k?.createdHere]).toEqual(['gone', false, true]);
        if (k?.createdAt !== undefined && f?.createdAt !== undefined) {
          expect(String(f.createdAt)).toBe(k.createdAt);
        }
      },
    ),
  );
});

test('a step that is carried out is followed by none', () => {
  const known = fc.constantFrom(undefined, ours, intended, theirs);
  const seen = fc.constantFrom(undefined, found, another, untold);
  fc.assert(
    fc.property(fc.boolean(), known, seen, (wanted, k, f) => {
      let view: DatabaseView = { wanted, left: false, awaited: false, inUse: false, known: k, found: f };
      for (let steps = 0; steps < 3; steps++) {
        const step = planDatabase(view);
        if (step.kind === 'none' || step.kind === 'leave') return;
        if (step.kind === 'create') view = { ...view, known: intended, found: another };
        if (step.kind === 'note') view = { ...view, known: step.as };
        if (step.kind === 'drop' || step.kind === 'forget')
          view = { ...view, known: undefined, found: undefined };
      }
      expect(planDatabase(view).kind).toBe('none');
    }),
  );
});

describe('the databases that a task keeps', () => {
  const catalog = {
    databases: new Map(
      ['default', 'a', 'b'].map((name, id) => [BigInt(id), { id: BigInt(id), name, properties: {} }]),
    ),
  };
  const all = { include: [{ database: ANY, collection: ANY }], exclude: [] };
  const wanted = (task: Partial<Parameters<typeof wantedDatabases>[1]>) => [
    ...wantedDatabases(catalog, { scope: all, mappings: [], ...task }),
  ];
  const mapping = (sourceDatabase: string, targetDatabase: string, collections = {}) => ({
    sourceDatabase,
    targetDatabase,
    collections,
  });

  test('are those that its scope holds whole, and never the default one', () => {
    expect(wanted({})).toEqual(['a', 'b']);
    expect(wanted({ scope: { include: [{ database: 'a', collection: ANY }], exclude: [] } })).toEqual(['a']);
    expect(wanted({ scope: { include: [{ database: 'a', collection: 'x' }], exclude: [] } })).toEqual([]);
  });

  test('go by their name on the target, two perhaps by one', () => {
    expect(wanted({ mappings: [mapping('a', 'x')] })).toEqual(['x', 'b']);
    expect(wanted({ mappings: [mapping('a', 'x'), mapping('b', 'x')] })).toEqual(['x']);
    expect(wanted({ mappings: [mapping('a', 'default'), mapping('default', 'y')] })).toEqual(['y', 'b']);
  });

  test('keep their name when only collections of theirs are mapped', () => {
    expect(wanted({ mappings: [mapping('a', 'x', { c: 'd' })] })).toEqual(['a', 'b']);
  });
});
