import { parseArgs } from 'node:util';
import { runLive } from './live.ts';
import { runOnce } from './once.ts';
import { Screen } from './screen.ts';
import { introduction, startSetting } from './setting.ts';

const USAGE = `npm run demo [-- options]

Starts a source Milvus, its Kafka, a target Milvus and the CDC server on this machine, replicates from one to the other, and
shows how the target follows, until Ctrl-C.

  --rate N   rows per second to write (default 500)
  --once     write a fixed mixed load, compare both sides row by row, end with 0 when they are equal and 1 when not
`;

const options = {
  once: { type: 'boolean', default: false },
  rate: { type: 'string', default: '500' },
} as const;
let once: boolean;
let rate: number;
try {
  const { values } = parseArgs({ options });
  once = values.once;
  rate = Number(values.rate);
  if (!(rate > 0)) throw new Error(`--rate ${values.rate}: expected a number of rows`);
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exit(2);
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // While it starts there is nothing to end in order, and a second Ctrl-C means at once: what runs dies with us.
    if (!started || stop.signal.aborted) process.exit(130);
    stop.abort();
  });
}
let started = false;
const screen = new Screen(process.stdout);
{
  await using setting = await startSetting((text) => screen.say(text));
  const uri = `http://${setting.addresses.target.milvusAddress}`;
  const taskId = await setting.cdc.create({
    milvus_connect_param: { uri },
    collection_infos: [{ name: '*' }],
  });
  started = !once;
  screen.say(introduction(setting, taskId));
  if (once) process.exitCode = (await runOnce(setting, screen)) ? 0 : 1;
  else await runLive({ setting, screen, taskId, rowsPerSecond: rate, signal: stop.signal });
  screen.say('\nStopping everything ...');
}
screen.say('Stopped.');
