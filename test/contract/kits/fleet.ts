import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  EXIT,
  type Fleet,
  NotPlacedError,
  type ReplicatorState,
  type StartOrder,
} from '#shared/fleet/fleet.ts';

/** How a replicator of a test behaves: `runs` until asked to stop, `stubborn` also then, or ends with a code. */
export type Behaviour = 'runs' | 'stubborn' | `exits-${number}`;

/** One adapter under test, with replicators that do as their task's id tells them. */
export interface FleetHarness {
  readonly fleet: Fleet;
  /** A new task id whose replicators behave like that. */
  taskId(behaviour: Behaviour): string;
  /** A well-formed handle that the fleet never gave. */
  readonly foreignHandle: string;
  /** True for a fleet that has one way only to end a replicator: one that still can, drains. */
  readonly killDrains?: true | undefined;
  /** Lets the fleet have no room for the next start. Absent where the harness cannot bring that about. */
  fillUp?(): Promise<void>;
  close(): Promise<void>;
}

/** What every {@link Fleet} promises. */
export function describeFleet(name: string, make: () => Promise<FleetHarness>): void {
  describe(`${name} as a fleet`, () => {
    let harness: FleetHarness;
    let fleet: Fleet;
    beforeAll(async () => {
      harness = await make();
      fleet = harness.fleet;
    });
    afterAll(() => harness.close());

    const order = (behaviour: Behaviour, over: Partial<StartOrder> = {}): StartOrder => ({
      taskId: harness.taskId(behaviour),
      incarnation: randomUUID(),
      generation: 1,
      ...over,
    });

    async function running(behaviour: Behaviour = 'runs'): Promise<string> {
      const handle = await fleet.start(order(behaviour));
      await untilState(fleet, handle, (s) => s.kind === 'running');
      return handle;
    }

    test('a started replicator runs', async () => {
      const handle = await running();
      expect(await fleet.describe(handle)).toEqual({ kind: 'running' });
      await fleet.stop(handle, 'kill');
    });

    test('an order repeated starts no second replicator, at once or later', async () => {
      const once = order('runs');
      const [first, second] = await Promise.all([fleet.start(once), fleet.start(once)]);
      expect(second).toBe(first);
      expect(await fleet.start(once)).toBe(first);
      await fleet.stop(first, 'kill');
      await untilState(fleet, first, (s) => s.kind === 'stopped');
      expect(await fleet.start(once)).toBe(first);
      expect((await fleet.describe(first)).kind).toBe('stopped');
    });

    test('another generation and another incarnation are other replicators', async () => {
      const first = order('runs');
      const handles = [
        await fleet.start(first),
        await fleet.start({ ...first, generation: 2 }),
        await fleet.start({ ...first, incarnation: randomUUID() }),
      ];
      expect(new Set(handles).size).toBe(3);
      for (const handle of handles) await fleet.stop(handle, 'kill');
    });

    test.each([EXIT.stopped, EXIT.retry, EXIT.permanent, 1])('an exit code of %i is told', async (code) => {
      const handle = await fleet.start(order(`exits-${code}`));
      const state = await untilState(fleet, handle, (s) => s.kind === 'stopped');
      expect(state).toMatchObject({ kind: 'stopped', exitCode: code });
    });

    test('a replicator that is asked to stop drains and ends with 0', async () => {
      const handle = await running();
      await fleet.stop(handle);
      await fleet.stop(handle, 'drain');
      const state = await untilState(fleet, handle, (s) => s.kind === 'stopped');
      expect(state).toMatchObject({ exitCode: EXIT.stopped });
    });

    test('a replicator that will not stop is ended all the same', async () => {
      const handle = await running('stubborn');
      await fleet.stop(handle);
      const state = await untilState(fleet, handle, (s) => s.kind === 'stopped');
      expect(state).not.toMatchObject({ exitCode: EXIT.stopped });
    });

    test('a killed replicator that will not stop is ended', async () => {
      const handle = await running('stubborn');
      await fleet.stop(handle, 'kill');
      await untilState(fleet, handle, (s) => s.kind === 'stopped');
    });

    test('a killed replicator does not drain', async (context) => {
      if (harness.killDrains === true) return context.skip();
      const handle = await running();
      await fleet.stop(handle, 'kill');
      const state = await untilState(fleet, handle, (s) => s.kind === 'stopped');
      expect(state).not.toMatchObject({ exitCode: EXIT.stopped });
    });

    test('stopping one replicator leaves the others', async () => {
      const [gone, left] = [await running(), await running()];
      await fleet.stop(gone, 'kill');
      await untilState(fleet, gone, (s) => s.kind === 'stopped');
      expect(await fleet.describe(left)).toEqual({ kind: 'running' });
      await fleet.stop(left, 'kill');
    });

    test('stopping what is gone or was never there is harmless', async () => {
      const handle = await fleet.start(order('exits-0'));
      await untilState(fleet, handle, (s) => s.kind === 'stopped');
      for (const how of ['drain', 'kill'] as const) {
        await fleet.stop(handle, how);
        await fleet.stop(harness.foreignHandle, how);
        await fleet.stop('not a handle', how);
      }
    });

    test('what is kept for a life whose replicators are gone may be removed, again and before there was any', async (context) => {
      if (fleet.retire === undefined) return context.skip();
      const past = order('exits-0');
      await fleet.retire(past.incarnation);
      const handle = await fleet.start(past);
      await untilState(fleet, handle, (s) => s.kind === 'stopped');
      await fleet.retire(past.incarnation);
      await fleet.retire(past.incarnation);
      expect((await fleet.describe(handle)).kind).toBe('stopped');
    });

    test('what the fleet never started is not running', async () => {
      expect((await fleet.describe(harness.foreignHandle)).kind).not.toBe('running');
      expect(await fleet.describe('not a handle')).toEqual({ kind: 'missing' });
    });

    test('fails as not placed when there is no room, and starts when there is', async (context) => {
      if (harness.fillUp === undefined) return context.skip();
      await harness.fillUp();
      const later = order('runs');
      await expect(fleet.start(later)).rejects.toBeInstanceOf(NotPlacedError);
      await fleet.stop(await fleet.start(later), 'kill');
    });

    test('an end is hinted with the id of the task, until nobody listens', async (context) => {
      if (fleet.onExit === undefined) return context.skip();
      const heard: string[] = [];
      const stopListening = fleet.onExit((taskId) => heard.push(taskId));
      const first = order('exits-75');
      await untilState(fleet, await fleet.start(first), (s) => s.kind === 'stopped');
      await until(() => heard.includes(first.taskId));
      stopListening();
      const second = order('exits-75');
      const handle = await fleet.start(second);
      await untilState(fleet, handle, (s) => s.kind === 'stopped');
      expect(heard).toEqual([first.taskId]);
    });
  });
}

export async function untilState(
  fleet: Fleet,
  handle: string,
  reached: (state: ReplicatorState) => boolean,
): Promise<ReplicatorState> {
  let state = await fleet.describe(handle);
  await until(async () => {
    state = await fleet.describe(handle);
    return reached(state);
  });
  return state;
}

/** Fails when the condition does not come true in 20 seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error('waited 20 s in vain');
    await sleep(10);
  }
}
