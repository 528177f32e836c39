import { setTimeout as sleep } from 'node:timers/promises';
import { CdcApi } from './api.ts';
import { connect } from './connect.ts';
import { run } from './run.ts';

// The command line: `npm run cdc -- COMMAND`. See infra/CLI.md.

const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The second one ends at once.
    if (ended.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143);
    ended.abort();
  });
}

// Paths are those of whoever called npm, which itself goes to the project's folder.
const byNpm = process.env['npm_lifecycle_event'] === 'cdc';

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  cwd: (byNpm ? process.env['INIT_CWD'] : undefined) ?? process.cwd(),
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  clock: {
    now: Date.now,
    monotonic: () => performance.now(),
    sleep: (ms) => sleep(ms, undefined, { signal: ended.signal }),
  },
  signal: ended.signal,
  upstream: connect,
  api: (endpoint) => new CdcApi(connect(endpoint), ended.signal),
});
