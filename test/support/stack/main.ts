import { rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { progress } from './download/tools.ts';
import { startStack } from './stack.ts';

// A stack to develop against, which saves each test run the start of its servers:
//
//   node test/support/stack/main.ts /tmp/stack.json          (in one terminal; Ctrl-C stops and removes everything)
//   MILVUS_CDC_STACK_FILE=/tmp/stack.json npm run test:integration
//
// It holds source, target and DynamoDB Local. The file appears when all of them serve, and goes with them.

const file = resolve(process.argv[2] ?? 'stack.json');
const stopped = new Promise<void>((resolveStop) => {
  process.once('SIGINT', () => resolveStop());
  process.once('SIGTERM', () => resolveStop());
});
const started = performance.now();
const stack = await startStack({ dynamodb: true });
writeFileSync(
  file,
  `${JSON.stringify({ ...stack.addresses, folder: stack.folder, pids: { main: process.pid, ...stack.pids } }, null, 2)}\n`,
);
progress(
  `serving after ${((performance.now() - started) / 1_000).toFixed(1)} s; addresses in ${file}; logs in ${stack.folder}`,
);
const keepAlive = setInterval(() => {}, 60_000);
await stopped;
clearInterval(keepAlive);
rmSync(file, { force: true });
await stack.stop();
