import { afterEach, expect, test } from 'vitest';
import { PHASE_NUMBER } from '#shared/metrics.ts';
import { statusOf } from '../../../../functions/cdc/status.ts';
import { isoTime } from '../../../../replicator/runtime/clock.ts';
import { Story } from './story.ts';

/** A line as CloudWatch takes it, metrics and properties side by side. */
interface Line {
  readonly Stack: string;
  readonly Task: string;
  readonly LagSeconds?: number;
  readonly CheckpointAgeSeconds: number;
  readonly RowsApplied: number;
  readonly BytesApplied: number;
  readonly Retries: number;
  readonly WriteLatency?: number | number[];
  readonly MemoryBytes: number;
  readonly Phase: number;
  readonly phaseName: string;
  readonly reason?: string;
  readonly lagUnknown?: string;
}

let story: Story;
let lines: Line[];

afterEach(() => story.end());

/** A story whose processes report. */
async function begin(): Promise<void> {
  story = await Story.begin();
  Object.assign(story.task, { createdAt: isoTime(story.clock) });
  lines = [];
  story.metrics = { stack: 'prod', write: (line) => lines.push(JSON.parse(line) as Line) };
}

/** With a collection whose rows are on the target already. */
async function running(): Promise<bigint> {
  await begin();
  const id = story.source.createCollection('c');
  story.insert(id, [1n, 2n]);
  await story.start();
  expect(await story.converge(10_000)).toEqual([]);
  await story.until(() => story.phase === 'streaming');
  return id;
}

/** The line of the next minute. */
async function nextLine(): Promise<Line> {
  const before = lines.length;
  await story.until(() => lines.length > before, 61_000);
  return lines.at(-1)!;
}

const sum = (member: 'RowsApplied' | 'BytesApplied' | 'Retries') =>
  lines.reduce((total, line) => total + line[member], 0);

test('a job that streams tells each minute how far behind it is and what it did since', async () => {
  const id = await running();
  expect(await nextLine()).toMatchObject({ Stack: 'prod', Task: story.task.id, RowsApplied: 2, Phase: 4 });
  story.insert(id, [3n]);
  story.source.delete(id, [1n]);
  const line = await nextLine();
  expect(line).toMatchObject({ RowsApplied: 2, Retries: 0, phaseName: 'streaming' });
  expect(line.LagSeconds).toBeLessThan(2);
  expect(line.CheckpointAgeSeconds).toBeLessThan(5);
  expect([line.WriteLatency].flat()).toHaveLength(2);
  expect(line.MemoryBytes).toBeGreaterThan(1_000_000);
  expect(line).not.toHaveProperty('lagUnknown');
  expect(await nextLine()).not.toHaveProperty('WriteLatency');
});

test('rows and bytes are counted once, over all jobs of a task', async () => {
  const id = await running();
  await story.stop();
  story.insert(id, [3n]);
  await story.start();
  expect(await story.converge(10_000)).toEqual([]);
  expect((await story.stop()).exitCode).toBe(0);
  const { rowsInserted, rowsUpserted, keysDeleted, bytes } = story.run.counters;
  expect([sum('RowsApplied'), sum('BytesApplied')]).toEqual([
    rowsInserted + rowsUpserted + keysDeleted,
    bytes,
  ]);
  expect(lines.at(-1)).toMatchObject({ Phase: PHASE_NUMBER.stopped });
});

test('a job that begins does not know its lag: no line says 0, each says why there is none', async () => {
  await running();
  await story.stop();
  lines.length = 0;
  const goOn = story.holdBackSource('readCatalog');
  await story.start();
  await story.until(() => lines.length >= 3, 180_000);
  for (const line of lines) {
    expect(line).not.toHaveProperty('LagSeconds');
    expect(line.lagUnknown).toMatch(/./);
  }
  goOn();
  await story.until(() => story.run.watermark !== undefined);
  expect((await nextLine()).LagSeconds).toBeLessThan(2);
});

test('the age of the checkpoint grows while a task is stuck, over restarts and while its lag is unknown', async () => {
  await running();
  story.source.away = true;
  await story.wait(60_000);
  story.kill();
  await story.wait(30_000);
  await story.start();
  await story.wait(600_000);
  const ages = lines.map((line) => line.CheckpointAgeSeconds);
  expect(lines.at(-1)).toMatchObject({
    Phase: PHASE_NUMBER.retrying,
    reason: expect.stringMatching(/^source_/),
  });
  expect(lines.at(-1)).not.toHaveProperty('LagSeconds');
  expect(ages.at(-1)).toBeGreaterThan(600);
  expect(ages.slice(1)).toEqual(ages.slice(1).toSorted((a, b) => a - b));
  story.source.away = false;
  await story.until(() => story.phase === 'streaming', 60_000);
  expect((await nextLine()).CheckpointAgeSeconds).toBeLessThan(5);
});

test('a job that finds nothing to follow is not stuck, and tells no lag', async () => {
  await begin();
  await story.start();
  await story.wait(600_000);
  const line = lines.at(-1)!;
  expect(line).toMatchObject({
    Phase: PHASE_NUMBER.streaming,
    lagUnknown: expect.stringContaining('no collection'),
  });
  expect(line.CheckpointAgeSeconds).toBeLessThan(5);
});

test('what is reported is what the API tells of the same moment', async () => {
  const id = await running();
  const moments = [
    () => undefined,
    () => story.insert(id, [3n]),
    () => {
      story.target.away = true;
      story.insert(id, [4n]);
    },
  ];
  for (const moment of moments) {
    moment();
    const line = await nextLine();
    const status = statusOf({ task: story.task, run: story.run, now: story.clock.wall(), log: '' });
    expect([line.phaseName, line.reason]).toEqual([
      status.phase,
      status.reason === null ? undefined : `${status.reason.code}: ${status.reason.message}`,
    ]);
    // The item is at most one beat older than the line.
    expect(Math.abs(line.LagSeconds! - status.lag_ms! / 1_000)).toBeLessThanOrEqual(3.2);
  }
});

test('collections in quarantine are counted in the run item', async () => {
  const id = await running();
  expect(story.run.quarantined).toBeUndefined();
  story.refuses = () => true;
  story.insert(id, [3n]);
  await story.until(() => story.run.quarantined === 1);
});

test('metrics that cannot be written end no job', async () => {
  await begin();
  story.metrics = {
    stack: 'prod',
    write: () => {
      throw new Error('the pipe is gone');
    },
  };
  story.source.createCollection('c');
  await story.start();
  await story.until(() => story.phase === 'streaming');
  await story.wait(180_000);
  expect((await story.stop()).exitCode).toBe(0);
});
