import { waitUntilEqual } from '../support/compare/compare.ts';
import { comparisonText } from '../support/compare/differences.ts';
import { Workload } from '../support/workload/workload.ts';
import type { Screen } from './screen.ts';
import type { Setting } from './setting.ts';

const PREFIX = 'demo';
const SECONDS = 20;
const EQUAL_TIMEOUT_MS = 180_000;

/** A fixed mixed load, then a comparison of everything. Answers whether both sides are equal. */
export async function runOnce(setting: Setting, screen: Screen): Promise<boolean> {
  const { addresses, source, target, cdc, server } = setting;
  const uri = `http://${addresses.target.milvusAddress}`;
  const database = `${PREFIX}_db`;
  await cdc.create({ milvus_connect_param: { uri }, db_collections: { [database]: [{ name: '*' }] } });
  screen.say(
    `Writing a mixed load into the source for ${SECONDS} s: inserts, upserts, deletes, and definitions ...`,
  );
  const address = addresses.source.milvusAddress;
  const { total } = await new Workload({ address, prefix: PREFIX, seed: 1, seconds: SECONDS }).run();
  const definitions = Object.entries(total.definitions).map(([kind, times]) => `${kind} ${times}`);
  screen.say(`  ${total.inserted} rows inserted, ${total.upserted} upserted, ${total.deleted} deleted`);
  screen.say(`  ${definitions.join(', ')}`);
  screen.say('Comparing every row of both sides ...');
  const started = performance.now();
  try {
    const includes = () => true;
    const comparison = await waitUntilEqual({ source, target, includes, timeoutMs: EQUAL_TIMEOUT_MS });
    const seconds = (performance.now() - started) / 1_000;
    screen.say(comparisonText(comparison));
    screen.say(`Equal, ${seconds.toFixed(1)} s after the last write (the time of the comparison included).`);
    return comparison.notCompared.length === 0;
  } catch (error) {
    screen.say(`NOT equal: ${(error as Error).message}\nThe log of the CDC server: ${server.logFile}`);
    return false;
  }
}
