import { setTimeout as sleep } from 'node:timers/promises';
import type { Side } from '../support/compare/side.ts';
import { LagProbe } from './lag-probe.ts';
import type { Screen } from './screen.ts';
import type { Setting } from './setting.ts';
import { Writer } from './writer.ts';

export interface LiveOptions {
  readonly setting: Setting;
  readonly screen: Screen;
  readonly taskId: string;
  readonly rowsPerSecond: number;
  /** Ends the demo. */
  readonly signal: AbortSignal;
}

const COLLECTION = 'demo';

/** Writes into the source and shows, once a second, how the target follows. */
export async function runLive(options: LiveOptions): Promise<void> {
  const { setting, screen, taskId, rowsPerSecond, signal } = options;
  const { source, target, addresses, cdc } = setting;
  const fail = (error: Error) => screen.say(`(stopped writing: ${error.message})`);
  const address = addresses.source.milvusAddress;
  await using writer = new Writer({ address, collection: COLLECTION, rowsPerSecond });
  await writer.start(fail);
  await using probe = new LagProbe({ source, target, collection: COLLECTION });
  probe.start(fail);
  screen.say(
    `Writing ${rowsPerSecond} rows a second of 128 dimensions into "${COLLECTION}". Ctrl-C stops.\n`,
  );
  let before = { at: performance.now(), rows: 0 };
  while (!signal.aborted) {
    const [atSource, atTarget] = await Promise.all([count(source), count(target)]);
    const { state, status } = await cdc.get(taskId);
    const now = { at: performance.now(), rows: atTarget ?? 0 };
    const speed = ((now.rows - before.rows) * 1_000) / (now.at - before.at);
    before = now;
    const lag = probe.seconds;
    screen.show([
      ['source', rows(atSource)],
      ['target', rows(atTarget)],
      ['lag', lag === undefined ? '(the first row has not arrived yet)' : `${lag.toFixed(2)} s`],
      ['speed', `${speed.toFixed(0)} rows/s`],
      ['task', status?.phase === undefined ? state : `${state}, ${status.phase}`],
    ]);
    await sleep(1_000, undefined, { signal }).catch(() => {});
  }
}

function rows(count: number | undefined): string {
  return count === undefined ? '(not there yet)' : `${count.toLocaleString('en')} rows`;
}

async function count({ raw }: Side): Promise<number | undefined> {
  try {
    return await raw.count({ database: 'default', collection: COLLECTION, consistency: 'eventual' });
  } catch {
    return undefined;
  }
}
