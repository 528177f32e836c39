import { writeFileSync } from 'node:fs';
import { startCdcServer } from '../support/cdc-server.ts';
import { runBench } from './bench.ts';
import { type BenchOptions, parseOptions, USAGE } from './options.ts';
import { reportText } from './report.ts';
import { openServers } from './servers.ts';

let options: BenchOptions;
try {
  options = parseOptions(process.argv.slice(2));
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

console.error('starting servers');
await using servers = await openServers(options);
const { api, pid } = options;
await using server =
  api === undefined || pid === undefined
    ? await startCdcServer(servers.addresses)
    : { url: api, pid, [Symbol.asyncDispose]: async () => {} };
const result = await runBench({
  options,
  servers,
  api: server.url,
  pid: server.pid,
  log: (line) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`),
});
console.log(reportText(result));
if (options.jsonFile !== undefined) writeFileSync(options.jsonFile, `${JSON.stringify(result, null, 2)}\n`);
process.exitCode = result.failures.length === 0 ? 0 : 1;
