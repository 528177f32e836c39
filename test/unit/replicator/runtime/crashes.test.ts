import { expect, test } from 'vitest';
import { Story } from './story.ts';

/** A write to the store at which the process dies. */
interface Crash {
  /** Counted from the start of the story. */
  readonly at: number;
  /** Whether the write is still carried out. */
  readonly executed: boolean;
}

const WRITES: ReadonlySet<string> = new Set(['renewLease', 'putObject', 'deleteObject', 'releaseLease']);

/** Lets time pass; a replicator that died is followed by another one. */
async function pass(story: Story, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    await story.wait(50);
    if (story.process?.alive === false) await story.start();
  }
}

/** Asks the replicator to stop; it may die over it. */
async function pause(story: Story): Promise<void> {
  const { process } = story;
  process?.stop.abort();
  await story.until(() => process?.end !== undefined || process?.alive === false);
}

/** The catalog is read late, so that rows of ids are met of which nothing is known yet. */
function slowCatalog(story: Story): void {
  const read = story.source.readCatalog.bind(story.source);
  story.source.readCatalog = async (signal) => {
    const catalog = await read(signal);
    await story.clock.sleep(200, signal);
    return catalog;
  };
}

/** A task whose collections leave the main cursor and come back to it: found late, with rows of a partition that is not
 *  there yet or was made again under its name, dropped and made again. Answers how many writes the store saw. */
async function play(crash: Crash | undefined): Promise<number> {
  const story = await Story.begin();
  let writes = 0;
  const { before } = story.store;
  story.store.before = async (call) => {
    await before?.(call);
    if (!WRITES.has(call.verb) || ++writes !== crash?.at) return;
    story.kill();
    if (!crash.executed) await new Promise(() => undefined);
  };
  slowCatalog(story);
  try {
    const first = story.source.createCollection('first');
    story.insert(first, [1n, 2n]);
    await story.start();
    await pass(story, 500);
    const p = story.source.createPartition(first, 'p');
    story.insert(first, [3n], p);
    story.insert(first, [4n]);
    await pass(story, 250);
    const late = story.source.createCollection('late');
    story.insert(late, [1n, 2n]);
    story.source.delete(late, [1n]);
    await pass(story, 700);
    story.source.dropPartition(first, p);
    story.insert(first, [5n, 6n], story.source.createPartition(first, 'p'));
    story.insert(late, [7n]);
    await pass(story, 700);
    story.source.dropCollection(late);
    const again = story.source.createCollection('late');
    story.insert(again, [1n, 9n]);
    story.insert(first, [8n]);
    await pass(story, 1_000);
    await pause(story);
    story.insert(again, [10n]);
    await story.start();
    await pass(story, 1_000);
    for (let i = 0; i < 60 && story.differences().length > 0; i++) await pass(story, 500);
    expect(story.differences(), JSON.stringify(crash)).toEqual([]);
  } finally {
    story.end();
  }
  return writes;
}

test('whichever write to the store is the last one of a process, no row is lost and none is doubled', async () => {
  const writes = await play(undefined);
  expect(writes).toBeGreaterThan(20);
  for (let at = 1; at <= writes; at++) {
    await play({ at, executed: false });
    await play({ at, executed: true });
  }
});

test('a crash around the moment when an own cursor is forgotten doubles no row', async () => {
  for (let ms = 9_000; ms <= 14_000; ms += 125) {
    const story = await Story.begin();
    try {
      const id = story.source.createCollection('c');
      const make = story.holdBack('createPartition');
      await story.start();
      await story.wait(1_000);
      story.insert(id, [1n], story.source.createPartition(id, 'p'));
      await story.until(() => story.object(id)?.cursors.length === 1);
      make();
      const until = story.clock.monotonic() + ms;
      for (let key = 100n; story.clock.monotonic() < until; key++) {
        story.insert(id, [key]);
        await story.wait(125);
      }
      story.kill();
      await story.start();
      expect(await story.converge(30_000), `after ${ms} ms`).toEqual([]);
    } finally {
      story.end();
    }
  }
});
