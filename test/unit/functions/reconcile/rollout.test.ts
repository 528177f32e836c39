import { beforeEach, describe, expect, test } from 'vitest';
import type { ReplicatorState } from '#shared/fleet/fleet.ts';
import { StoreUnavailableError } from '#shared/store/task-store.ts';
import type { Run } from '#shared/task/run.ts';
import type { Launch } from '#shared/task/task.ts';
import { POLICY } from '../../../../functions/reconcile/policy.ts';
import type { Situation } from '../../../../functions/reconcile/reconcile.ts';
import { rollOut } from '../../../../functions/reconcile/rollout.ts';
import { itemKey } from '../../../support/fakes/memory-task-store.ts';
import { ago, ahead, exitOf, GENERATION, launchOf, NOW, runOf, SECOND, TASK } from './decision-axes.ts';
import { type Behaviour, RolloutWorld } from './rollout-world.ts';

let world: RolloutWorld;
beforeEach(() => {
  world = new RolloutWorld('one');
});

/** Tasks that stream on release one. */
async function streaming(...ids: string[]): Promise<void> {
  await world.create(...ids);
  await world.minutes(3);
  expect(world.running).toEqual(ids.map((id) => `${id} one`));
  expect(await world.streaming()).toEqual(ids);
}

const moved = () => world.stopped.map(({ taskId }) => taskId);

/** A task that streams on release one, as a sweep finds it; each argument replaces members. */
function found(
  id: string,
  over: { launch?: Partial<Launch>; run?: Partial<Run>; observed?: ReplicatorState | undefined } = {},
): Situation {
  return {
    task: { ...TASK, id },
    launch: launchOf({ taskId: id, handle: 'h', attempts: 0, release: 'one', ...over.launch }),
    run: runOf({ taskId: id, phase: 'streaming', ...over.run }),
    observed: 'observed' in over ? over.observed : { kind: 'running' },
    now: NOW,
  };
}

const next = (...tasks: Situation[]) => {
  const rollout = rollOut(tasks, 'two', NOW);
  return rollout.kind === 'move' ? rollout.taskId : rollout.kind === 'wait' ? rollout.why : rollout.kind;
};

describe('who is moved next', () => {
  const onTrial = { onTrialSince: ago(60 * SECOND) };

  test('is the first of those that stream, by id', () => {
    expect(next(found('b'), found('a'))).toBe('a');
    expect(next()).toBe('none');
    expect(next(found('a', { launch: { release: 'two' } }))).toBe('none');
  });

  test('streams now: one whose lease has run out does not', () => {
    const silent = found('a', { run: { leaseExpiresAt: ago(SECOND), phaseSince: ago(60 * SECOND) } });
    expect(next(silent, found('b'))).toBe('b');
    expect(next(found('a', { run: { generation: GENERATION - 1 } }), found('b'))).toBe('b');
    expect(next(found('a', { run: { phaseSince: ago(SECOND) } }), found('b'))).toBe('b');
    expect(next(silent)).toBe('a');
  });

  test.each<[string, ReplicatorState | undefined]>([
    ['does not answer', undefined],
    ['does not know it', { kind: 'missing' }],
    ['saw its end', { kind: 'stopped', exitCode: 1, message: 'm' }],
  ])('runs: nobody of whom the fleet %s', (_, observed) => {
    expect(next(found('a', { observed }), found('b'))).toBe('b');
    expect(next(found('a', { observed }))).toBe('none');
  });

  test('is nobody while one that was on trial elsewhere is about to be started', () => {
    const ended = { ...onTrial, lastExit: exitOf(), notBefore: ahead(SECOND) };
    expect(next(found('a', { launch: ended, observed: undefined }), found('b'))).toBe('a is being started');
    const { onTrialSince: _, ...untried } = ended;
    expect(next(found('a', { launch: untried, observed: undefined }), found('b'))).toBe('b');
  });

  test('is nobody while one is being stopped, whatever for', () => {
    expect(next(found('a', { launch: { stopAskedAt: ago(SECOND) } }), found('b'))).toBe('a is being stopped');
  });

  test('takes items of another life for none', () => {
    const stranger = { ...onTrial, incarnation: 'life-1', release: 'two' };
    expect(next(found('a', { launch: stranger }), found('b'))).toBe('b');
    expect(next(found('a', { run: { incarnation: 'life-1' } }), found('b'))).toBe('b');
  });
});

describe('a roll-out', () => {
  test('moves one replicator after the other, each when the one before streams again', async () => {
    await streaming('a', 'b', 'c');
    world.deploy('two');
    for (let tick = 0; tick < 120; tick++) {
      await world.tick();
      expect((await world.streaming()).length).toBeGreaterThanOrEqual(2);
    }
    expect(world.running).toEqual(['a two', 'b two', 'c two']);
    expect(await world.streaming()).toEqual(['a', 'b', 'c']);
    expect(world.stopped.map(({ taskId, release }) => `${taskId} ${release}`)).toEqual([
      'a one',
      'b one',
      'c one',
    ]);
    const [first, second] = world.stopped;
    expect(Number(second?.at) - Number(first?.at)).toBeGreaterThan(POLICY.streamingProofMs);
    expect(world.last).toMatchObject({ rollout: { kind: 'none' }, rolloutHalted: 0 });
    expect(world.errors).toEqual([]);
  });

  test('is nothing while all run the present release, or the fleet knows none', async () => {
    await streaming('a', 'b');
    expect((await world.sweep()).rollout).toEqual({ kind: 'none' });
    world.fleet.release = undefined;
    expect((await world.sweep()).rollout).toEqual({ kind: 'none' });
    expect(moved()).toEqual([]);
  });

  test('counts no attempt and waits for no pause: what was asked to stop did not crash', async () => {
    await streaming('a');
    world.deploy('two');
    await world.sweep();
    await world.tick();
    expect(world.running).toEqual(['a two']);
    expect(await world.launch('a')).toMatchObject({
      generation: 2,
      attempts: 1,
      release: 'two',
      launchedAt: new Date(world.now).toISOString(),
      lastExit: { generation: 1, code: 0, confirmed: true },
    });
    await world.minutes(2);
    const launch = await world.launch('a');
    expect(launch).toMatchObject({ generation: 2, attempts: 0 });
    expect(launch.onTrialSince).toBeUndefined();
  });

  test('ends a replicator that does not stop, and goes on', async () => {
    world.behave('does not stop', { task: 'a', release: 'one' });
    await streaming('a', 'b');
    world.deploy('two');
    await world.minutes(8);
    expect(world.running).toEqual(['a two', 'b two']);
    expect(world.errors).toEqual([]);
  });

  test('moves what was launched before releases were noted', async () => {
    world.fleet.release = undefined;
    await world.create('a');
    await world.minutes(3);
    world.deploy('two');
    await world.minutes(3);
    expect(world.running).toEqual(['a two']);
  });

  test('tells how many are left', async () => {
    await streaming('a', 'b', 'c');
    world.deploy('two');
    expect((await world.sweep()).rollout).toMatchObject({ kind: 'move', taskId: 'a', left: 3 });
    expect((await world.sweep()).rollout).toMatchObject({ kind: 'wait', why: 'a is being stopped', left: 2 });
    await world.tick();
    expect((await world.sweep()).rollout).toEqual({ kind: 'wait', why: 'a does not stream yet', left: 2 });
  });
});

describe('a release that does not work', () => {
  test.each<[Behaviour, RegExp]>([
    ['crashes', /^has not streamed in \d+ minutes: ended with 1$/],
    ['gives up', /^has not streamed in \d+ minutes: ended with 78$/],
    ['hangs', /^has not streamed in \d+ minutes: its log has more$/],
    ['waits', /^has not streamed in \d+ minutes: target_unavailable: It does not answer.$/],
  ])('takes one task and no other, for as long as it is there (%s)', async (behaviour, why) => {
    await streaming('a', 'b', 'c');
    world.behave(behaviour, { release: 'two' });
    world.deploy('two');
    await world.minutes(8);
    expect(world.last).toMatchObject({
      rollout: { kind: 'halted', failed: [{ taskId: 'a', why: expect.stringMatching(why) }], left: 2 },
      rolloutHalted: 1,
    });
    expect(world.errors).toContain('roll-out halted: a task does not stream since it was moved');
    await world.minutes(60);
    expect(world.last).toMatchObject({ rolloutHalted: 1 });
    expect(moved()).toEqual(['a']);
    expect(world.running).toEqual(expect.arrayContaining(['b one', 'c one']));
    expect(await world.streaming()).toEqual(['b', 'c']);
  });

  test('that there is no room for is told so', async () => {
    await streaming('a', 'b');
    world.deploy('two');
    await world.sweep();
    const start = world.fleet.start.bind(world.fleet);
    world.fleet.start = (order) => {
      world.fleet.refuseNext('no room');
      return start(order);
    };
    await world.minutes(10);
    expect(world.last?.rollout).toMatchObject({
      kind: 'halted',
      failed: [{ why: expect.stringMatching(/no room$/) }],
    });
    expect(await world.streaming()).toEqual(['b']);
  });

  test('is told after five minutes and not before', async () => {
    await streaming('a', 'b');
    world.behave('waits', { release: 'two' });
    world.deploy('two');
    await world.sweep();
    await world.tick();
    const begun = Date.parse((await world.launch('a')).onTrialSince ?? '');
    while (world.now < begun + POLICY.trialMs - 10_000) await world.tick();
    expect((await world.sweep()).rollout.kind).toBe('wait');
    await world.tick();
    expect((await world.sweep()).rollout.kind).toBe('halted');
  });

  test('that gives up is told at once', async () => {
    await streaming('a', 'b');
    world.behave('gives up', { release: 'two' });
    world.deploy('two');
    for (let minute = 0; minute < 30; minute++) {
      await world.minutes(1);
      if (minute > 0) expect(world.last).toMatchObject({ rolloutHalted: 1 });
    }
    expect((await world.task('a')).desired).toBe('Running');
  });

  test('only for some tasks halts the roll-out there', async () => {
    await streaming('a', 'b', 'c');
    world.behave('crashes', { task: 'b', release: 'two' });
    world.deploy('two');
    await world.minutes(20);
    expect(world.last?.rollout).toMatchObject({ kind: 'halted', failed: [{ taskId: 'b' }], left: 1 });
    expect(await world.streaming()).toEqual(['a', 'c']);
    expect(world.running).toEqual(expect.arrayContaining(['a two', 'c one']));
  });

  test('is gone on with when the task streams after all', async () => {
    await streaming('a', 'b');
    world.behave('waits', { release: 'two' });
    world.deploy('two');
    await world.minutes(8);
    expect(world.last?.rolloutHalted).toBe(1);
    world.behave('streams', { release: 'two' });
    await world.minutes(4);
    expect(world.running).toEqual(['a two', 'b two']);
    expect(world.last).toMatchObject({ rollout: { kind: 'none' }, rolloutHalted: 0 });
  });
});

describe('a rollback', () => {
  test('moves the broken task first, and ends the halt', async () => {
    await streaming('a', 'b', 'c');
    world.behave('waits', { task: 'b', release: 'two' });
    world.deploy('two');
    await world.minutes(15);
    expect(world.last?.rollout).toMatchObject({ kind: 'halted', failed: [{ taskId: 'b' }] });
    world.stopped.length = 0;
    world.deploy('three');
    await world.minutes(12);
    expect(moved()).toEqual(['b', 'a', 'c']);
    expect(world.running).toEqual(['a three', 'b three', 'c three']);
    expect(world.last).toMatchObject({ rollout: { kind: 'none' }, rolloutHalted: 0 });
  });

  test('to the very release of before moves nobody who never left it', async () => {
    await streaming('a', 'b');
    world.behave('waits', { release: 'two' });
    world.deploy('two');
    await world.minutes(8);
    world.deploy('one');
    await world.minutes(4);
    expect(world.stopped.map(({ taskId, release }) => `${taskId} ${release}`)).toEqual(['a one', 'a two']);
    expect(await world.streaming()).toEqual(['a', 'b']);
    expect(world.last?.rollout).toEqual({ kind: 'none' });
  });

  test('reaches a task that crashes on the halted release by itself', async () => {
    await streaming('a', 'b');
    world.behave('crashes', { release: 'two' });
    world.deploy('two');
    await world.minutes(8);
    world.deploy('three');
    await world.minutes(12);
    expect(world.running).toEqual(['a three', 'b three']);
    expect(world.last).toMatchObject({ rollout: { kind: 'none' }, rolloutHalted: 0 });
  });

  test('that does not help either is told, and takes no other task', async () => {
    await streaming('a', 'b');
    for (const release of ['two', 'three']) world.behave('waits', { release });
    world.deploy('two');
    await world.minutes(8);
    world.deploy('three');
    await world.minutes(10);
    expect(world.last?.rollout).toMatchObject({ kind: 'halted', failed: [{ taskId: 'a' }], left: 1 });
    expect(world.running).toEqual(['a three', 'b one']);
  });

  test.each<Behaviour>(['gives up', 'crashes'])(
    'heals a task that %s on the halted release, hours later and without a resume',
    async (behaviour) => {
      await streaming('a', 'b');
      world.behave(behaviour, { release: 'two' });
      world.deploy('two');
      await world.minutes(120);
      expect((await world.task('a')).desired).toBe('Running');
      expect((await world.launch('a')).attempts).toBeLessThan(40);
      world.deploy('three');
      await world.minutes(12);
      expect(world.running).toEqual(['a three', 'b three']);
      expect(world.last).toMatchObject({ rollout: { kind: 'none' }, rolloutHalted: 0 });
    },
  );
});

describe('tasks that did not stream before', () => {
  test('are not the first to be moved, and keep nobody from it', async () => {
    world.behave('waits', { task: 'a' });
    await world.create('a', 'b', 'c');
    await world.minutes(6);
    world.deploy('two');
    await world.minutes(12);
    expect(moved()).toEqual(['b', 'c', 'a']);
    expect(world.running).toEqual(['a two', 'b two', 'c two']);
    await world.minutes(10);
    expect(world.last).toMatchObject({ rollout: { kind: 'none' }, rolloutHalted: 0 });
  });

  test('after they had, too', async () => {
    await streaming('a', 'b');
    world.behave('waits', { task: 'a' });
    await world.minutes(2);
    world.deploy('two');
    await world.minutes(20);
    expect(moved()).toEqual(['b', 'a']);
    expect(world.last).toMatchObject({ rollout: { kind: 'none' }, rolloutHalted: 0 });
  });

  test('crash on the present release without halting it', async () => {
    world.behave('crashes', { task: 'a' });
    await world.create('a', 'b', 'c');
    await world.minutes(3);
    world.deploy('two');
    await world.minutes(9);
    expect(moved()).toEqual(['b', 'c']);
    expect(await world.launch('a')).toMatchObject({ release: 'two' });
    expect(world.last).toMatchObject({ rolloutHalted: 0 });
    expect(world.errors.filter((message) => message.startsWith('roll-out'))).toEqual([]);
  });

  test('are moved one by one once somebody streams on the present release', async () => {
    for (const task of ['a', 'b', 'c']) world.behave('waits', { task, release: 'one' });
    await world.create('a', 'b', 'c');
    await world.minutes(6);
    world.deploy('two');
    await world.minutes(12);
    expect(moved()).toEqual(['a', 'b', 'c']);
    expect(await world.streaming()).toEqual(['a', 'b', 'c']);
  });

  test('are not moved one after the other to a release on which nobody streams', async () => {
    for (const task of ['a', 'b', 'c']) world.behave('waits', { task });
    await world.create('a', 'b', 'c');
    await world.minutes(6);
    world.deploy('two');
    await world.minutes(30);
    expect(moved()).toEqual(['a']);
    expect(world.last?.rollout).toMatchObject({
      kind: 'wait',
      why: 'nobody streams on the present release yet',
    });
    expect(world.last?.rolloutHalted).toBe(0);
    for (const task of ['a', 'b', 'c']) world.behave('streams', { task });
    await world.minutes(12);
    expect(world.running).toEqual(['a two', 'b two', 'c two']);
  });
});

describe('in the middle of a roll-out', () => {
  /** `a` has just been asked to stop, or (later) runs the present release and does not stream yet. */
  async function onTrial(stage: 'stopping' | 'started'): Promise<void> {
    await streaming('a', 'b', 'c');
    world.behave('waits', { task: 'a', release: 'two' });
    world.deploy('two');
    await world.sweep();
    if (stage === 'stopping') return;
    await world.tick();
    expect(world.running).toEqual(['a two', 'b one', 'c one']);
  }

  test.each(['stopping', 'started'] as const)(
    'a task that is paused while it is %s is not waited for',
    async (stage) => {
      await onTrial(stage);
      await world.wish('a', 'Paused');
      await world.minutes(9);
      expect(world.running).toEqual(['b two', 'c two']);
      expect(world.last).toMatchObject({ rollout: { kind: 'none' }, rolloutHalted: 0 });
    },
  );

  test.each(['stopping', 'started'] as const)(
    'a task that is deleted while it is %s is purged',
    async (stage) => {
      await onTrial(stage);
      await world.delete('a');
      await world.minutes(9);
      expect(world.running).toEqual(['b two', 'c two']);
      expect(await world.store.listTombstones()).toEqual([]);
      expect(await world.store.getLaunch('a')).toBeUndefined();
      expect(world.last).toMatchObject({ rollout: { kind: 'none' }, rolloutHalted: 0 });
    },
  );

  test('a task that is paused and resumed is on trial anew', async () => {
    await onTrial('started');
    await world.minutes(3);
    await world.wish('a', 'Paused');
    await world.tick();
    await world.wish('a', 'Running');
    await world.minutes(2);
    expect(Date.parse((await world.launch('a')).onTrialSince ?? '')).toBeGreaterThan(world.now - 3 * 60_000);
    await world.minutes(6);
    expect(world.last?.rollout).toMatchObject({ kind: 'halted', failed: [{ taskId: 'a' }] });
  });

  test('pausing a task whose trial has failed does not send the next one after it', async () => {
    await onTrial('started');
    await world.minutes(8);
    expect(world.last?.rolloutHalted).toBe(1);
    await world.wish('a', 'Paused');
    await world.minutes(30);
    expect(world.last?.rolloutHalted).toBe(1);
    expect(world.running).toEqual(['b one', 'c one']);
    await world.delete('a');
    await world.minutes(12);
    expect(world.running).toEqual(['b two', 'c two']);
  });

  test('a crash of the one on trial neither ends nor prolongs the trial', async () => {
    await onTrial('started');
    const since = (await world.launch('a')).onTrialSince;
    await world.minutes(2);
    world.fleet.end(world.replicatorOf('a'), 1);
    await world.minutes(2);
    expect(await world.launch('a')).toMatchObject({ generation: 3, release: 'two', onTrialSince: since });
    expect(world.last?.rollout.kind).toBe('wait');
    await world.minutes(3);
    expect(world.last?.rollout.kind).toBe('halted');
    expect(moved()).toEqual(['a']);
  });

  test('a crash of the one that is asked to stop is taken for its end', async () => {
    await onTrial('stopping');
    world.fleet.end(world.replicatorOf('a'), 1);
    await world.tick();
    expect(world.running).toEqual(['a two', 'b one', 'c one']);
    expect(await world.launch('a')).toMatchObject({ attempts: 1, onTrialSince: expect.any(String) });
  });

  test('a task that crashes or is resumed runs the present release and is no trial', async () => {
    await streaming('a', 'b', 'c');
    await world.wish('c', 'Paused');
    await world.minutes(1);
    world.behave('waits', { task: 'b', release: 'two' });
    world.behave('waits', { task: 'c', release: 'two' });
    world.deploy('two');
    world.fleet.end(world.replicatorOf('b'), 1);
    await world.wish('c', 'Running');
    await world.minutes(10);
    expect(world.running).toEqual(['a two', 'b two', 'c two']);
    expect(moved()).toEqual(['c', 'a']);
    expect(world.last).toMatchObject({ rollout: { kind: 'none' }, rolloutHalted: 0 });
  });

  test('nobody is moved in a sweep that could not look at every task', async () => {
    await streaming('a', 'b');
    world.deploy('two');
    world.store.failNext(new StoreUnavailableError('away'), 'getRun');
    expect(await world.sweep()).toMatchObject({ failed: 1, rollout: { kind: 'wait' } });
    expect(moved()).toEqual([]);
    expect((await world.sweep()).rollout.kind).toBe('move');
  });

  test('a task whose items cannot be read keeps nobody from being moved', async () => {
    await streaming('a', 'b');
    world.store.items.set(itemKey('launch', 'a'), { version: 99 });
    world.deploy('two');
    await world.minutes(3);
    expect(world.running).toEqual(['a one', 'b two']);
  });

  test('another control plane goes on where the first one was', async () => {
    await streaming('a', 'b', 'c');
    world.deploy('two');
    for (let tick = 0; tick < 120; tick++) {
      await world.tick();
      // Whoever asks twice a moment later must not move twice.
      const both = await Promise.all([world.sweep(), world.sweep()]);
      expect(both.map((o) => o.rolloutHalted)).toEqual([0, 0]);
      expect((await world.streaming()).length).toBeGreaterThanOrEqual(2);
    }
    expect(moved()).toEqual(['a', 'b', 'c']);
    expect(world.running).toEqual(['a two', 'b two', 'c two']);
  });

  test('a task that stopped just now is not asked again', async () => {
    await streaming('a');
    world.deploy('two');
    const { rollout } = await world.sweep();
    expect(rollout).toMatchObject({ kind: 'move', move: { generation: 1 } });
    await world.tick();
    await world.sweep();
    expect((await world.launch('a')).stopAskedAt).toBeUndefined();
    expect(moved()).toEqual(['a']);
  });
});
