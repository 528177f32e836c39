import { pino } from 'pino';
import { expect, test } from 'vitest';
import { drainStack } from '../../../../functions/drain/drain.ts';
import type { Leftovers, Replicator } from '../../../../functions/drain/ports.ts';

const SETTLE_MS = 120_000;
const HOUR_MS = 3_600_000;

/** A stack whose replicators take a while to stop; notes what is done to it, in order. */
class FakeStack {
  readonly done: string[] = [];
  now = 0;
  stopMs = 20_000;
  /** Id -> when it has stopped; undefined: nobody asked it to. */
  readonly running = new Map<string, number | undefined>();
  /** Called whenever time has passed. */
  onTime = (): void => undefined;

  get deps() {
    return {
      starters: { silence: async () => void this.done.push('silence') },
      replicators: {
        list: async (): Promise<readonly Replicator[]> =>
          [...this.running]
            .filter(([, end]) => end === undefined || end > this.now)
            .map(([id, end]) => ({ id, stopping: end !== undefined })),
        stop: async (id: string) => {
          this.done.push(`stop ${id}`);
          this.running.set(id, this.now + this.stopMs);
        },
      },
      leftovers: [this.leftovers('secrets', ['s1', 's2']), this.leftovers('task definitions', ['d1'])],
      clock: {
        monotonic: () => this.now,
        sleep: async (ms: number) => {
          this.now += ms;
          this.onTime();
        },
      },
      log: pino({ level: 'silent' }),
      settleMs: SETTLE_MS,
    };
  }

  /** Lists what was removed for a while longer, as AWS does. */
  leftovers(name: string, ids: readonly string[]): Leftovers {
    return {
      name,
      list: async () => ids,
      remove: async (id) => void this.done.push(`remove ${id}`),
    };
  }
}

test('first nobody starts replicators any more, then they stop, then what was made at run time goes', async () => {
  const stack = new FakeStack();
  stack.running.set('r1', undefined);
  stack.running.set('r2', 30_000);
  await drainStack(stack.deps, HOUR_MS);
  expect(stack.done).toEqual(['silence', 'stop r1', 'remove s1', 'remove s2', 'remove d1']);
  expect(stack.now).toBe(SETTLE_MS);
});

test('what was under way in a starter may start one more replicator: it is stopped too', async () => {
  const stack = new FakeStack();
  stack.onTime = () => {
    if (stack.now === SETTLE_MS - 5_000) stack.running.set('late', undefined);
  };
  await drainStack(stack.deps, HOUR_MS);
  expect(stack.done).toEqual(['silence', 'stop late', 'remove s1', 'remove s2', 'remove d1']);
  expect(stack.now).toBe(SETTLE_MS - 5_000 + stack.stopMs);
});

test('nothing is removed while a replicator runs, and the wait ends', async () => {
  const stack = new FakeStack();
  stack.running.set('r1', undefined);
  stack.stopMs = Number.POSITIVE_INFINITY;
  await expect(drainStack(stack.deps, 300_000)).rejects.toThrow(
    '1 replicators have not stopped in time; delete the stack again',
  );
  expect(stack.now).toBe(300_000);
  expect(stack.done).toEqual(['silence', 'stop r1']);
});

test('a removal that takes too long ends, and the next one goes on', async () => {
  const stack = new FakeStack();
  const { deps } = stack;
  const slow: Leftovers = {
    name: 'task definitions',
    list: async () => ['d1', 'd2', 'd3'],
    remove: async (id) => {
      stack.done.push(`remove ${id}`);
      stack.now += 100_000;
    },
  };
  await expect(drainStack({ ...deps, leftovers: [slow] }, 300_000)).rejects.toThrow(
    'not all task definitions could be removed in time; delete the stack again',
  );
  expect(stack.done).toEqual(['silence', 'remove d1', 'remove d2']);
});
