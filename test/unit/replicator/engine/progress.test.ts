import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Hold, Progress } from '../../../../replicator/engine/progress.ts';
import { committed } from './records.ts';

const START = committed(1, 0);

test('it starts where the cursor starts', () => {
  expect(new Progress(START).committed).toBe(START);
});

test('an empty window advances as soon as it is planned', () => {
  const progress = new Progress(START);
  const planned = progress.open(committed(2));
  expect(progress.committed).toBe(START);
  planned.release();
  expect(progress.committed).toEqual(committed(2));
});

test('a window that was applied early waits for the one before it', () => {
  const progress = new Progress(START);
  const first = progress.open(committed(2));
  const second = progress.open(committed(3));
  second.release();
  expect(progress.committed).toBe(START);
  first.release();
  expect(progress.committed).toEqual(committed(3));
});

test('a window waits for everything that was planned in it', () => {
  const progress = new Progress(START);
  const planning = progress.open(committed(2));
  const change = planning.again();
  const another = change.again();
  planning.release();
  change.release();
  expect(progress.committed).toBe(START);
  another.release();
  expect(progress.committed).toEqual(committed(2));
});

test('a second release of one hold does not stand in for another one', () => {
  const progress = new Progress(START);
  const planning = progress.open(committed(2));
  const change = planning.again();
  planning.release();
  planning.release();
  expect(progress.committed).toBe(START);
  change.release();
  expect(progress.committed).toEqual(committed(2));
});

test('the checkpoint never passes a window that is held, never goes back and in the end covers all', () => {
  const step = fc.record({ kind: fc.constantFrom('open', 'again', 'release', 'release'), pick: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const progress = new Progress(START);
      const held: { readonly window: number; readonly hold: Hold }[] = [];
      let windows = 1;
      let before = 1n;
      const check = () => {
        const { tick } = progress.committed.position;
        const oldestHeld = Math.min(windows + 1, ...held.map(({ window }) => window));
        expect(tick).toBe(BigInt(oldestHeld - 1));
        expect(tick).toBeGreaterThanOrEqual(before);
        before = tick;
      };
      for (const { kind, pick } of steps) {
        const at = pick % Math.max(1, held.length);
        const picked = held[at];
        if (kind === 'open') {
          windows++;
          held.push({ window: windows, hold: progress.open(committed(windows)) });
        } else if (picked !== undefined && kind === 'again') {
          held.push({ window: picked.window, hold: picked.hold.again() });
        } else if (picked !== undefined) {
          picked.hold.release();
          held.splice(at, 1);
        }
        check();
      }
      while (held.length > 0) {
        held.pop()?.hold.release();
        check();
      }
      expect(progress.committed.position.tick).toBe(BigInt(windows));
    }),
    { numRuns: 200 },
  );
});

test('what is passed is freed, so that a cursor that runs for months stays small', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const progress = new Progress(START);
  const opened: WeakRef<object>[] = [];
  // The oldest is held for a while, so that entries pile up before they may go.
  const oldest = progress.open(committed(2));
  for (let window = 3; window < 5_000; window++) {
    const entry = committed(window);
    opened.push(new WeakRef(entry));
    progress.open(entry).release();
  }
  oldest.release();
  for (let window = 5_000; window < 10_000; window++) {
    const entry = committed(window);
    opened.push(new WeakRef(entry));
    progress.open(entry).release();
  }
  // A weak reference is kept alive until the current turn ends.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  const alive = opened.filter((reference) => reference.deref() !== undefined).length;
  expect(progress.committed.position.tick).toBe(9_999n);
  expect(alive).toBeLessThan(600);
});
